import type { Messages } from "./en";

export const zh: Messages = {
  appName: "trainshed",
};
