// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchChanges } from "./changes";

class Stream extends EventTarget {
  static all: Stream[] = [];
  closed = false;
  onerror: (() => void) | null = null;
  constructor(readonly path: string) {
    super();
    Stream.all.push(this);
  }
  close() {
    this.closed = true;
  }
  say(type: string, data: unknown = {}) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

const told = vi.fn();
const returned = vi.fn();
const jobs = vi.fn();
const newest = () => Stream.all[Stream.all.length - 1] as Stream;
let end = () => {};

function show(state: "visible" | "hidden") {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Stream);
  Stream.all = [];
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("visible");
  end = watchChanges("/changes", { onTold: told, onReturn: returned, onJobs: jobs });
});

afterEach(() => {
  end();
  vi.clearAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("watchChanges", () => {
  it("hands on which jobs have changed", () => {
    newest().say("ready");
    newest().say("jobs", { ids: ["a", "b"] });
    newest().say("jobs", { ids: null });
    expect(told).toHaveBeenCalledWith(true);
    expect(jobs.mock.calls).toEqual([[["a", "b"]], [null]]);
    expect(returned).not.toHaveBeenCalled();
  });

  it("tries again with growing patience, and says when it is back", () => {
    newest().say("ready");
    for (const wait of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      newest().onerror?.();
      expect(told).toHaveBeenLastCalledWith(false);
      const before = Stream.all.length;
      vi.advanceTimersByTime(wait - 1);
      expect(Stream.all).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(Stream.all).toHaveLength(before + 1);
    }
    newest().say("ready");
    expect(told).toHaveBeenLastCalledWith(true);
    expect(returned).toHaveBeenCalledTimes(1);
  });

  it("comes again when it is asked to", () => {
    const first = newest();
    first.say("ready");
    first.say("again");
    expect(first.closed).toBe(true);
    expect(Stream.all).toHaveLength(2);
  });

  it("holds no connection while the page is not seen", () => {
    newest().say("ready");
    show("hidden");
    expect(newest().closed).toBe(true);
    show("visible");
    newest().say("ready");
    expect(returned).toHaveBeenCalledTimes(1);
  });

  it("ends with the page, even while it waits", () => {
    newest().onerror?.();
    end();
    vi.advanceTimersByTime(60_000);
    expect(Stream.all).toHaveLength(1);
  });
});
