import { createRootRoute } from "@tanstack/react-router";
import { NotFoundPage } from "../pages/not-found";
import { Shell } from "./shell";

/** What all pages hang on; each folder of pages brings its own routes. */
export const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });
