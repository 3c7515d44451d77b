import { jobs } from "./en/jobs";

/** The English messages. Their keys type the other dictionaries. */
export const en = {
  appName: "trainshed",
  otherLanguage: "中文",
  otherLanguageLabel: "切换到中文",
  lightTheme: "Light theme",
  darkTheme: "Dark theme",
  skipToPage: "Skip to the page",
  openMenu: "Open the menu",
  navigation: "Main navigation",
  signOut: "Sign out",
  project: "Project",
  readOnly: "read-only",
  readOnlyHelp: "You are a viewer of this project and can change nothing in it. Ask an admin of the project to make you a member.",
  otherProject: (name: string) => `It may be in another of your projects: this page shows ${name}. Choose another at the top right.`,
  required: "Please fill this in",
  serviceAway: "The service does not answer. Is it running?",
  waitingForService: "Waiting for the service to answer…",
  tryAgain: "Try again",
  notFound: "There is no such page.",
  phases: {
    Creating: "Preparing",
    Pending: "Queued",
    Running: "Running",
    Terminating: "Stopping",
    Completed: "Completed",
    Failed: "Failed",
    Abnormal: "Abnormal",
    Terminated: "Stopped",
  },
  ...jobs,
  places: {
    overview: "Overview",
    jobs: "Training jobs",
    algorithms: "Algorithms",
    engines: "Engines",
    pools: "Pools",
    buckets: "Buckets",
    settings: "Settings",
  },
  signIn: {
    byToken: "Token",
    byPassword: "Password",
    token: "Token",
    tokenHelp: "credentials.json in the service's home folder has one; `trainshed up` says where.",
    name: "Name",
    password: "Password",
    submit: "Sign in",
  },
};

export type Messages = typeof en;
