import { createRootRoute, lazyRouteComponent } from "@tanstack/react-router";
import { Shell } from "./shell";

/** What all pages hang on; each folder of pages brings its own routes. */
export const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: lazyRouteComponent(() => import("../pages/not-found"), "NotFoundPage"),
});
