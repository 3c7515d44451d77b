import { createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { engineRoutes } from "../pages/engines/routes";
import { rootRoute as root } from "./root-route";

export interface JobListSearch {
  name?: string;
  phase?: string[];
  page?: number;
}

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("../pages/overview"), "OverviewPage"),
});

const jobs = createRoute({
  getParentRoute: () => root,
  path: "/jobs",
  validateSearch: (raw: Record<string, unknown>): JobListSearch => ({
    ...(typeof raw.name === "string" && raw.name ? { name: raw.name } : {}),
    ...(Array.isArray(raw.phase) ? { phase: raw.phase.map(String) } : {}),
    ...(Number(raw.page) > 1 ? { page: Math.floor(Number(raw.page)) } : {}),
  }),
  component: lazyRouteComponent(() => import("../pages/jobs"), "JobsPage"),
});

const job = createRoute({
  getParentRoute: () => root,
  path: "/jobs/$jobId",
  validateSearch: (raw: Record<string, unknown>): { tab?: string; at?: number } => ({
    ...(typeof raw.tab === "string" ? { tab: raw.tab } : {}),
    ...(Number(raw.at) >= 0 && raw.at !== undefined ? { at: Number(raw.at) } : {}),
  }),
  component: lazyRouteComponent(() => import("../pages/job"), "JobPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    jobs,
    job,
    ...engineRoutes,
  ]),
  basepath: "/console",
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
