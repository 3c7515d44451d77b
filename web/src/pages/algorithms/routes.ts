import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route";

const list = createRoute({
  getParentRoute: () => rootRoute,
  path: "/algorithms",
  validateSearch: (raw: Record<string, unknown>): { name?: string; page?: number } => ({
    ...(typeof raw.name === "string" && raw.name ? { name: raw.name } : {}),
    ...(Number(raw.page) > 1 ? { page: Math.floor(Number(raw.page)) } : {}),
  }),
  component: lazyRouteComponent(() => import("./list"), "AlgorithmsPage"),
});

const create = createRoute({
  getParentRoute: () => rootRoute,
  path: "/algorithms/new",
  component: lazyRouteComponent(() => import("./editor-page"), "NewAlgorithmPage"),
});

const detail = createRoute({
  getParentRoute: () => rootRoute,
  path: "/algorithms/$algorithmId",
  validateSearch: (raw: Record<string, unknown>): { tab?: string; file?: string; version?: number } => ({
    ...(typeof raw.tab === "string" ? { tab: raw.tab } : {}),
    ...(typeof raw.file === "string" ? { file: raw.file } : {}),
    ...(Number(raw.version) >= 1 ? { version: Math.floor(Number(raw.version)) } : {}),
  }),
  component: lazyRouteComponent(() => import("./detail"), "AlgorithmPage"),
});

const edit = createRoute({
  getParentRoute: () => rootRoute,
  path: "/algorithms/$algorithmId/edit",
  validateSearch: (raw: Record<string, unknown>): { version?: number } =>
    Number(raw.version) >= 1 ? { version: Math.floor(Number(raw.version)) } : {},
  component: lazyRouteComponent(() => import("./editor-page"), "EditAlgorithmPage"),
});

export const algorithmRoutes = [list, create, detail, edit] as const;
