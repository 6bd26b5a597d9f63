import { describe, expect, test } from "vitest";
import { ServiceError, type ServerEvent } from "@/client";
import { LiveLog } from "./live-log";
import { requestOf } from "./requests.fixture";
import type { LiveBatch, RequestSummary } from "@/api/outcrop.gen";

const batch = (requests: RequestSummary[], dropped = 0, running = 0): ServerEvent => ({
  event: "requests",
  id: "",
  data: JSON.stringify({ requests, dropped, running } satisfies LiveBatch),
});

/** A log whose server and time are the test's own. */
function logOf({ most, mostStrangers }: { most?: number; mostStrangers?: number } = {}) {
  const timers: { act: () => void; ms: number }[] = [];
  const streams: { events: ServerEvent[]; error?: ServiceError }[] = [];
  let recent: RequestSummary[] = [];
  let asked = 0;
  const log = new LiveLog({
    connect: async () => {
      asked++;
      const stream = streams.shift();
      if (!stream) throw new DOMException("", "AbortError"); // the test is over
      if (stream.error) throw stream.error;
      return (async function* () {
        yield* stream.events;
      })();
    },
    recent: async () => recent,
    later: (act, ms) => timers.push({ act, ms }),
    ...(most === undefined ? {} : { most }),
    ...(mostStrangers === undefined ? {} : { mostStrangers }),
  });
  const settle = async () => {
    for (let i = 0; i < 1000; i++) await Promise.resolve();
  };
  const pass = async () => {
    for (const { act } of timers.splice(0)) act();
    await settle();
  };
  const ids = () => log.view().rows.map((r) => r.id);
  return {
    log,
    ids,
    timers,
    pass,
    settle,
    asked: () => asked,
    stream: (...events: ServerEvent[]) => streams.push({ events }),
    failing: (error: ServiceError) => streams.push({ events: [], error }),
    setRecent: (requests: RequestSummary[]) => (recent = requests),
    run: async () => {
      void log.run(new AbortController().signal);
      await settle();
    },
  };
}

describe("a live log", () => {
  test("loses nobody's requests to a flood of strangers'", async () => {
    const { stream, run, pass, ids } = logOf({ most: 10, mostStrangers: 2 });
    const flood = Array.from({ length: 50 }, (_, i) => requestOf(i + 10, { principal: "", status: 403 }));
    stream(batch([requestOf(1), requestOf(2)]), batch(flood), batch([requestOf(3)]));
    await run();
    await pass();
    expect(ids()).toEqual(["r3", "r59", "r58", "r2", "r1"]);
  });

  test("begins with what was, and has the newest first", async () => {
    const { stream, setRecent, run, pass, ids, log } = logOf();
    setRecent([requestOf(2), requestOf(1), requestOf(9, { state: "running" })]);
    stream(batch([requestOf(3), requestOf(2)], 0, 4));
    await run();
    await pass();
    expect(ids()).toEqual(["r2", "r3", "r1"]);
    expect(log.view().running).toBe(4);
  });

  test("changes what is shown once for many events, and keeps no more than it may", async () => {
    const { stream, run, pass, ids, log, timers } = logOf({ most: 100 });
    stream(
      ...Array.from({ length: 50 }, (_, i) => batch(Array.from({ length: 100 }, (__, j) => requestOf(i * 100 + j)))),
    );
    let changes = 0;
    let rows = log.view().rows;
    log.subscribe(() => {
      if (log.view().rows !== rows) changes++;
      ({ rows } = log.view());
    });
    await run();
    expect(timers.filter((t) => t.ms === 200)).toHaveLength(1);
    expect(changes).toBe(0);
    await pass();
    expect(changes).toBe(1);
    expect(ids()).toHaveLength(100);
    expect(ids()[0]).toBe("r4999");
  });

  test("counts what was left out", async () => {
    const { stream, run, pass, log } = logOf();
    stream(batch([requestOf(1)], 7), batch([], 5));
    await run();
    await pass();
    expect(log.view().leftOut).toBe(12);
  });

  test("stays as it is while it is held, and has everything after", async () => {
    const { stream, setRecent, run, pass, ids, log } = logOf();
    setRecent([requestOf(1)]);
    stream(batch([requestOf(2), requestOf(1)]), batch([requestOf(3)], 2));
    log.hold(true);
    await run();
    await pass();
    expect(ids()).toEqual([]);
    expect(log.view().waiting).toBe(4);
    log.hold(false);
    expect(ids()).toEqual(["r3", "r1", "r2"]);
    expect(log.view().waiting).toBe(0);
  });

  test("connects again, later and later, and fills what was missed", async () => {
    const { stream, failing, setRecent, run, pass, ids, log, timers, asked } = logOf();
    const away = new ServiceError({ code: "NetworkError", message: "away" });
    stream(batch([requestOf(1)]));
    failing(away);
    failing(away);
    stream(batch([requestOf(4)]));
    await run();
    expect(log.view().state).toBe("lost");
    setRecent([requestOf(3), requestOf(2), requestOf(1)]);
    expect(timers.map((t) => t.ms).toSorted((a, b) => a - b)).toEqual([200, 1000]);
    await pass();
    expect(timers.map((t) => t.ms)).toEqual([2000]);
    await pass();
    expect(timers.map((t) => t.ms)).toEqual([4000]);
    await pass();
    expect(asked()).toBe(4);
    await pass();
    expect(ids()).toEqual(["r4", "r3", "r2", "r1"]);
    expect(log.view().gap).toBe(false);
  });

  test("says when it cannot know what was missed", async () => {
    const { stream, setRecent, run, pass, log } = logOf();
    stream(batch([requestOf(1)]));
    stream(batch([]));
    await run();
    setRecent([requestOf(900), requestOf(899)]);
    await pass();
    expect(log.view().gap).toBe(true);
    log.clear();
    expect(log.view()).toMatchObject({ gap: false, rows: [] });
  });

  test("does not ask again where it is not allowed", async () => {
    const { failing, run, log, timers } = logOf();
    failing(new ServiceError({ code: "AccessDeniedException", message: "no", status: 403 }));
    await run();
    expect(log.view()).toMatchObject({ state: "refused", error: { code: "AccessDeniedException" } });
    expect(timers).toEqual([]);
  });
});
