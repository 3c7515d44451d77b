import { createRouter } from "@tanstack/react-router";
import { algorithmRoutes } from "../pages/algorithms/routes";
import { bucketRoutes } from "../pages/buckets/routes";
import { engineRoutes } from "../pages/engines/routes";
import { jobRoutes } from "../pages/jobs/routes";
import { poolRoutes } from "../pages/pools/routes";
import { settingsRoutes } from "../pages/settings/routes";
import { rootRoute as root } from "./root-route";

export const router = createRouter({
  routeTree: root.addChildren([...jobRoutes, ...engineRoutes, ...bucketRoutes, ...algorithmRoutes, ...poolRoutes, ...settingsRoutes]),
  basepath: "/console",
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
