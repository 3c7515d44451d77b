import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route";

const pools = createRoute({
  getParentRoute: () => rootRoute,
  path: "/pools",
  component: lazyRouteComponent(() => import("./page"), "PoolsPage"),
});

export const poolRoutes = [pools] as const;
