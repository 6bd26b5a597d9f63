import { aborted, asServiceError, type ServerEvent, type ServiceError } from "@/client";
import type { LiveBatch, RequestSummary } from "@/api/outcrop.gen";

/** What a live log shows at a moment. */
export interface LiveView {
  /** the newest first */
  rows: readonly RequestSummary[];
  /** under way now */
  running: number;
  /** ended too fast for this page, and are not among the rows */
  leftOut: number;
  /** have come while it was held */
  waiting: number;
  /** the connection was lost for so long that some may be missing */
  gap: boolean;
  state: "connecting" | "live" | "lost" | "refused";
  error: ServiceError | undefined;
}

export interface LiveLogParams {
  /** opens the stream */
  connect: (signal: AbortSignal) => Promise<AsyncIterable<ServerEvent>>;
  /** the last requests, the newest first: what was before the stream, and what was missed while there was none */
  recent: (signal: AbortSignal) => Promise<readonly RequestSummary[]>;
  /** does something later */
  later: (act: () => void, ms: number) => void;
  /** how many requests are kept */
  most?: number;
  /** how many of them may be of callers who were not recognized: anybody can send those, as many as they like */
  mostStrangers?: number;
}

/** Milliseconds between two changes of what is shown. */
const every = 200;

/**
 * The last requests as they end. However many they are, no more than a number is kept, and what is shown changes at most
 * five times a second. It connects again when the server has been away.
 */
export class LiveLog {
  readonly #params: LiveLogParams;
  readonly #most: number;
  readonly #mostStrangers: number;
  /** by ID, in the order in which they ended */
  #kept = new Map<string, RequestSummary>();
  #view: LiveView = {
    rows: [],
    running: 0,
    leftOut: 0,
    waiting: 0,
    gap: false,
    state: "connecting",
    error: undefined,
  };
  #held = false;
  #scheduled = false;
  readonly #listeners = new Set<() => void>();

  constructor(params: LiveLogParams) {
    this.#params = params;
    this.#most = params.most ?? 2000;
    this.#mostStrangers = params.mostStrangers ?? 200;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): LiveView => this.#view;

  /** While it is held the rows stay as they are; what comes is kept for later. */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    if (!held) this.#show();
  }

  /** Forgets what was until now. */
  clear(): void {
    this.#kept.clear();
    this.#view = { ...this.#view, rows: [], waiting: 0, leftOut: 0, gap: false };
    this.#tell();
  }

  /** Follows the server until the signal is aborted or the server does not allow it. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        this.#set({ state: this.#view.rows.length > 0 ? "lost" : "connecting" });
        const events = await this.#params.connect(signal);
        this.#fill(await this.#params.recent(signal));
        this.#set({ state: "live", error: undefined });
        failures = 0;
        for await (const { event, data } of events) {
          if (signal.aborted) return;
          if (event === "requests") this.#take(JSON.parse(data) as LiveBatch);
        }
        this.#set({ state: "lost" });
      } catch (thrown) {
        if (signal.aborted || aborted(thrown)) return;
        const error = asServiceError(thrown);
        const refused = error.denied || error.status === 400;
        this.#set({ state: refused ? "refused" : "lost", error });
        if (refused) return;
      }
      await this.#pause(Math.min(1000 * 2 ** failures, 15_000), signal);
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      this.#params.later(resolve, ms);
    });
  }

  #fill(recent: readonly RequestSummary[]): void {
    const over = recent.filter((request) => request.state !== "running");
    const before = this.#kept.size;
    const overlap = over.some((request) => this.#kept.has(request.id));
    for (const request of over) this.#kept.set(request.id, request);
    // What was missed belongs between what was there.
    const all = [...this.#kept.values()].toSorted((a, b) => ended(a) - ended(b));
    this.#kept = new Map(all.map((request) => [request.id, request]));
    this.#trim();
    const running = recent.length - over.length;
    this.#view = { ...this.#view, running, gap: this.#view.gap || (before > 0 && over.length > 0 && !overlap) };
    this.#later();
  }

  #take({ requests, dropped, running }: LiveBatch): void {
    let fresh = 0;
    for (const request of requests) {
      if (!this.#kept.delete(request.id)) fresh++;
      this.#kept.set(request.id, request);
    }
    this.#trim();
    const { waiting, leftOut } = this.#view;
    this.#view = {
      ...this.#view,
      running,
      leftOut: leftOut + dropped,
      waiting: this.#held ? waiting + fresh + dropped : 0,
    };
    this.#later();
  }

  #trim(): void {
    const strangers = [...this.#kept.values()].filter((request) => request.principal === "");
    for (const { id } of strangers.slice(0, Math.max(0, strangers.length - this.#mostStrangers))) this.#kept.delete(id);
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= this.#most) return;
      this.#kept.delete(id);
    }
  }

  #later(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#params.later(() => {
      this.#scheduled = false;
      this.#show();
    }, every);
  }

  #show(): void {
    this.#view = this.#held
      ? { ...this.#view }
      : { ...this.#view, rows: [...this.#kept.values()].toReversed(), waiting: 0 };
    this.#tell();
  }

  #set(change: Partial<LiveView>): void {
    this.#view = { ...this.#view, ...change };
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function ended(request: RequestSummary): number {
  return Date.parse(request.time) + request.latencyMs;
}
