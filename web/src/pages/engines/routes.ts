import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route";

const engines = createRoute({
  getParentRoute: () => rootRoute,
  path: "/engines",
  validateSearch: (raw: Record<string, unknown>): { engine?: string } =>
    typeof raw.engine === "string" ? { engine: raw.engine } : {},
  component: lazyRouteComponent(() => import("./page"), "EnginesPage"),
});

export const engineRoutes = [engines] as const;
