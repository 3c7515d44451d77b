import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route";

const buckets = createRoute({
  getParentRoute: () => rootRoute,
  path: "/buckets",
  component: lazyRouteComponent(() => import("./page"), "BucketsPage"),
});

const bucket = createRoute({
  getParentRoute: () => rootRoute,
  path: "/buckets/$bucket",
  validateSearch: (raw: Record<string, unknown>): { path?: string } =>
    typeof raw.path === "string" && raw.path ? { path: raw.path } : {},
  component: lazyRouteComponent(() => import("./bucket"), "BucketPage"),
});

export const bucketRoutes = [buckets, bucket] as const;
