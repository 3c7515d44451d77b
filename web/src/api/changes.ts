/** Follows the stream of changes; ends, waits and begins anew by itself. */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export interface Watcher {
  /** Whether the service tells of changes now. */
  onTold: (told: boolean) => void;
  /** The stream is back after a break: whatever is shown may be old. */
  onReturn: () => void;
  /** These jobs have changed; null where it may be any. */
  onJobs: (ids: string[] | null) => void;
}

/**
 * Opens the stream while the page is seen (a browser has few connections for all its tabs), and
 * tries again with growing patience while the service is away. Returns what ends it.
 */
export function watchChanges(path: string, watcher: Watcher): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST_WAIT_MS;
  let seen = false;

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    const opened = (source = new EventSource(path));
    opened.addEventListener("ready", () => {
      wait = FIRST_WAIT_MS;
      watcher.onTold(true);
      if (seen) watcher.onReturn();
      seen = true;
    });
    opened.addEventListener("jobs", (event) => watcher.onJobs((JSON.parse((event as MessageEvent<string>).data) as { ids: string[] | null }).ids));
    opened.addEventListener("again", open);
    opened.onerror = () => {
      close();
      watcher.onTold(false);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };
  };
  const look = () => {
    if (document.visibilityState === "visible") open();
    else close();
  };

  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
