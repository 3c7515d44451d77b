import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route";
import { jobSearch, listSearch } from "./search";

const overview = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: lazyRouteComponent(() => import("../overview"), "OverviewPage"),
});

const jobs = createRoute({
  getParentRoute: () => rootRoute,
  path: "/jobs",
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("../jobs"), "JobsPage"),
});

const job = createRoute({
  getParentRoute: () => rootRoute,
  path: "/jobs/$jobId",
  validateSearch: jobSearch,
  component: lazyRouteComponent(() => import("../job"), "JobPage"),
});

export const jobRoutes = [overview, jobs, job] as const;
