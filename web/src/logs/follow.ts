/** One piece of a log as the service pushes it. */
export interface LogPiece {
  attempt: number;
  offset: number;
  next: number;
  text: string;
}

export interface FollowHandlers {
  onPiece: (piece: LogPiece) => void;
  onEnd: () => void;
  /** The connection was lost; a new one is tried in `seconds`. */
  onWaiting: (seconds: number) => void;
}

/**
 * Follow the log of one attempt from `offset` by server-sent events, resuming at the byte after the
 * last one seen when the connection or the service goes away. Returns a function that stops following.
 */
export function followLog(
  url: (offset: number) => string,
  offset: number,
  attempt: number,
  handlers: FollowHandlers,
): () => void {
  let at = offset;
  let stopped = false;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let delay = 0.5;

  const open = () => {
    source = new EventSource(url(at), { withCredentials: true });
    source.addEventListener("log", (event) => {
      const piece = JSON.parse(event.data as string) as LogPiece;
      if (piece.attempt !== attempt || piece.next <= at) return;
      at = piece.next;
      delay = 0.5;
      handlers.onPiece(piece);
    });
    source.addEventListener("end", () => {
      stop();
      handlers.onEnd();
    });
    source.onerror = () => {
      source?.close();
      if (stopped) return;
      handlers.onWaiting(delay);
      timer = setTimeout(open, delay * 1000);
      delay = Math.min(delay * 2, 10);
    };
  };
  const stop = () => {
    stopped = true;
    source?.close();
    clearTimeout(timer);
  };
  open();
  return stop;
}
