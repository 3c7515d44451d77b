import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { NotFoundPage } from "../pages/not-found";
import { Shell } from "./shell";

export interface JobListSearch {
  name?: string;
  phase?: string[];
  page?: number;
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });

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

const engines = createRoute({
  getParentRoute: () => root,
  path: "/engines",
  component: lazyRouteComponent(() => import("../pages/engines"), "EnginesPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([overview, jobs, job, engines]),
  basepath: "/console",
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
