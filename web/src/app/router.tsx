import { createRouter } from "@tanstack/react-router";
import { engineRoutes } from "../pages/engines/routes";
import { jobRoutes } from "../pages/jobs/routes";
import { rootRoute as root } from "./root-route";

export const router = createRouter({
  routeTree: root.addChildren([...jobRoutes, ...engineRoutes]),
  basepath: "/console",
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
