import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route";

const settings = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  validateSearch: (raw: Record<string, unknown>): { tab?: string } =>
    typeof raw.tab === "string" ? { tab: raw.tab } : {},
  component: lazyRouteComponent(() => import("./page"), "SettingsPage"),
});

export const settingsRoutes = [settings] as const;
