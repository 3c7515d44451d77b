import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route";
import { createSearch, jobSearch, listSearch } from "./search";

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

const newJob = createRoute({
  getParentRoute: () => rootRoute,
  path: "/jobs/new",
  validateSearch: createSearch,
  component: lazyRouteComponent(() => import("../job-create"), "CreateJobPage"),
});

const job = createRoute({
  getParentRoute: () => rootRoute,
  path: "/jobs/$jobId",
  validateSearch: jobSearch,
  component: lazyRouteComponent(() => import("../job"), "JobPage"),
});

export const jobRoutes = [overview, jobs, newJob, job] as const;
