import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";
import {
  CreateDataSource,
  CreateKnowledgeBase,
  GetIngestionJob,
  GetKnowledgeBase,
  ListDataSources,
  ListIngestionJobs,
  ListKnowledgeBaseDocuments,
  ListKnowledgeBases,
  StartIngestionJob,
  type CreateDataSourceInput,
  type CreateKnowledgeBaseInput,
  type GetIngestionJobInput,
  type IngestionJob,
} from "@/api/bedrock-agent.gen";
import { aborted, asServiceError, s3, uniqueToken, type Client, type ServiceError } from "@/client";
import type { Notify } from "@/shell/notifications";
import { keyOf, type Chosen } from "./files";
import { ended } from "./jobs";

/** What is to be made, sent and synced. What is there already is named by its id. */
export interface Plan {
  /** In which all of it happens, whatever is chosen at the top of the page meanwhile. */
  region: string;
  base: { make: CreateKnowledgeBaseInput } | { id: string; name: string };
  source: { make: Omit<CreateDataSourceInput, "knowledgeBaseId"> } | { id: string };
  /** The bucket is made unless it is there. */
  makeBucket: boolean;
  bucket: string;
  prefix: string;
  files: readonly Chosen[];
}

export type FileStage = "waiting" | "sending" | "sent" | "failed" | "cancelled";

export interface FileState {
  path: string;
  key: string;
  size: number;
  stage: FileStage;
  /** How much has been sent, from 0 to 1. */
  part: number;
  error?: ServiceError | undefined;
}

/** What a run is at. */
export type Step = "bucket" | "base" | "source" | "files" | "sync" | "done";

export interface Run {
  id: string;
  plan: Plan;
  step: Step;
  /** running; stopped by somebody or by an error, and can go on; or ended. */
  state: "running" | "stopped" | "ended";
  error?: ServiceError | undefined;
  baseId?: string | undefined;
  baseName: string;
  sourceId?: string | undefined;
  files: readonly FileState[];
  job?: IngestionJob | undefined;
}

/** What a run needs of the page that it outlives. */
export interface Means {
  client: Client;
  queries: QueryClient;
  notify: Notify;
  /** Waits; tests need no time for it. */
  pause?: (ms: number) => Promise<void>;
}

/** How many files are sent at once. */
const atOnce = 3;
/** How often progress is told, in milliseconds. */
const every = 100;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const conflict = (thrown: unknown) => asServiceError(thrown).code === "ConflictException";

/**
 * Uploads and the syncs after them. They are no page's: who looks at another page meanwhile finds them going on. They end
 * when the browser leaves the console, which it asks about.
 */
export class Runs {
  #runs: readonly Run[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #controllers = new Map<string, AbortController>();
  readonly #means = new Map<string, Means>();
  readonly #looks = new Map<string, number>();
  #told = false;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly list = (): readonly Run[] => this.#runs;

  /** Begins a run and returns its id. */
  start(plan: Plan, means: Means): string {
    const id = uniqueToken();
    this.#means.set(id, means);
    const run: Run = {
      id,
      plan,
      step: plan.makeBucket ? "bucket" : "base",
      state: "stopped",
      baseId: "id" in plan.base ? plan.base.id : undefined,
      baseName: "id" in plan.base ? plan.base.name : plan.base.make.name,
      sourceId: "id" in plan.source ? plan.source.id : undefined,
      files: plan.files.map(({ file, path }) => ({
        path,
        key: keyOf(path, plan.prefix),
        size: file.size,
        stage: "waiting",
        part: 0,
      })),
    };
    this.#runs = [...this.#runs, run];
    this.resume(id);
    return id;
  }

  /** Goes on with a run that has stopped: what is done is not done again. */
  resume(id: string): void {
    const run = this.#find(id);
    const means = this.#means.get(id);
    if (!run || !means || run.state === "running") return;
    this.#change(id, (was) => ({
      ...was,
      state: "running",
      error: undefined,
      job: undefined,
      files: was.files.map((f) => (f.stage === "sent" ? f : { ...f, stage: "waiting", part: 0, error: undefined })),
    }));
    void this.#go(id, means, run.plan.files);
  }

  /** Leaves the files that are not there yet, and syncs what is. */
  syncOnly(id: string): void {
    const means = this.#means.get(id);
    if (!means || this.#find(id)?.state === "running") return;
    this.#change(id, (was) => ({ ...was, state: "running", step: "sync", error: undefined }));
    void this.#go(id, means, []);
  }

  /** Stops sending. A sync goes on in the server. */
  cancel(id: string): void {
    this.#controllers.get(id)?.abort();
  }

  /** Forgets a run that is not running. */
  forget(id: string): void {
    if (this.#find(id)?.state === "running") return;
    this.#runs = this.#runs.filter((run) => run.id !== id);
    this.#means.delete(id);
    this.#tell();
  }

  /** Says that somebody looks at a run, who needs no message about its end; the answer says that it is over. */
  look(id: string): () => void {
    this.#looks.set(id, (this.#looks.get(id) ?? 0) + 1);
    return () => this.#looks.set(id, (this.#looks.get(id) ?? 1) - 1);
  }

  #find(id: string): Run | undefined {
    return this.#runs.find((run) => run.id === id);
  }

  #change(id: string, change: (was: Run) => Run, soon = false): void {
    this.#runs = this.#runs.map((run) => (run.id === id ? change(run) : run));
    if (!soon) return this.#tell();
    if (this.#told) return;
    this.#told = true;
    setTimeout(() => {
      this.#told = false;
      this.#tell();
    }, every);
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  async #go(id: string, means: Means, files: readonly Chosen[]): Promise<void> {
    const controller = new AbortController();
    this.#controllers.set(id, controller);
    const leaving = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", leaving);
    try {
      await this.#prepare(id, means);
      if (files.length > 0) {
        this.#change(id, (was) => ({ ...was, step: "files" }));
        await this.#sendAll(id, means.client, files, controller.signal);
      }
      // Nobody minds when the page goes away now.
      window.removeEventListener("beforeunload", leaving);
      this.#change(id, (was) => ({ ...was, step: "sync" }));
      await this.#sync(id, means, controller.signal);
      this.#change(id, (was) => ({ ...was, step: "done", state: "ended" }));
    } catch (thrown) {
      const error = aborted(thrown) || controller.signal.aborted ? undefined : asServiceError(thrown);
      if (error && (this.#looks.get(id) ?? 0) === 0) {
        means.notify.failed(error, `${this.#find(id)?.baseName ?? "The upload"} could not be set up`);
      }
      this.#change(id, (was) => ({ ...was, state: "stopped", error }));
    } finally {
      window.removeEventListener("beforeunload", leaving);
      this.#controllers.delete(id);
      for (const op of [ListKnowledgeBases, ListDataSources, ListIngestionJobs, ListKnowledgeBaseDocuments]) {
        void means.queries.invalidateQueries({ queryKey: ["call", op.service.id, op.name] });
      }
    }
  }

  /** Makes what is not there: bucket, base and data source. */
  async #prepare(id: string, { client, pause = sleep }: Means): Promise<void> {
    const run = this.#find(id);
    if (!run) return;
    const { plan } = run;
    const options = { region: plan.region };
    if (plan.makeBucket && run.step === "bucket") {
      try {
        await s3.createBucket(client, plan.bucket, options);
      } catch (thrown) {
        if (asServiceError(thrown).code !== "BucketAlreadyOwnedByYou") throw thrown;
      }
      this.#change(id, (was) => ({ ...was, step: "base" }));
    }
    let baseId = run.baseId;
    if (!baseId && "make" in plan.base) {
      // The same token again is no second base.
      const made = await client.call(CreateKnowledgeBase, { clientToken: tokenOf(id), ...plan.base.make }, options);
      let base = made.knowledgeBase;
      baseId = base.knowledgeBaseId;
      while (base.status === "CREATING") {
        await pause(500);
        base = (await client.call(GetKnowledgeBase, { knowledgeBaseId: baseId }, options)).knowledgeBase;
      }
      this.#change(id, (was) => ({ ...was, baseId, step: "source" }));
    }
    if (!this.#find(id)?.sourceId && "make" in plan.source && baseId) {
      const input = { clientToken: tokenOf(id), ...plan.source.make, knowledgeBaseId: baseId };
      const { dataSource } = await client.call(CreateDataSource, input, options);
      this.#change(id, (was) => ({ ...was, sourceId: dataSource.dataSourceId }));
    }
  }

  async #sendAll(id: string, client: Client, files: readonly Chosen[], signal: AbortSignal): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < files.length) {
        const i = next++;
        const chosen = files[i];
        if (chosen && this.#find(id)?.files[i]?.stage !== "sent") await this.#send(id, i, chosen, client, signal);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    signal.throwIfAborted();
    const failed = this.#find(id)?.files.find((f) => f.stage === "failed");
    if (failed?.error) throw failed.error;
  }

  async #send(id: string, i: number, { file }: Chosen, client: Client, signal: AbortSignal): Promise<void> {
    const set = (change: Partial<FileState>, soon = false) =>
      this.#change(id, (was) => ({ ...was, files: was.files.with(i, { ...at(was, i), ...change }) }), soon);
    const run = this.#find(id);
    if (!run) return;
    if (signal.aborted) return set({ stage: "cancelled" }, true);
    set({ stage: "sending" }, true);
    try {
      await s3.putObject(client, run.plan.bucket, at(run, i).key, file, {
        region: run.plan.region,
        signal,
        progress: (part) => set({ part }, true),
      });
      set({ stage: "sent", part: 1 }, true);
    } catch (thrown) {
      if (aborted(thrown) || signal.aborted) set({ stage: "cancelled", part: 0 });
      else set({ stage: "failed", part: 0, error: asServiceError(thrown) });
    }
  }

  /** Syncs, and says how far it is. Another sync that is under way may have passed over what is new: it is waited for. */
  async #sync(id: string, { client, notify, pause = sleep }: Means, signal: AbortSignal): Promise<void> {
    const run = this.#find(id);
    if (!run?.baseId || !run.sourceId) return;
    const { region } = run.plan;
    const of = { knowledgeBaseId: run.baseId, dataSourceId: run.sourceId };
    let job: IngestionJob | undefined;
    while (!job) {
      try {
        job = (await client.call(StartIngestionJob, of, { region, signal })).ingestionJob;
      } catch (thrown) {
        if (!conflict(thrown)) throw thrown;
        await pause(1000);
        signal.throwIfAborted();
      }
    }
    for (let wait = 200; ; wait = Math.min(wait * 1.5, 1000)) {
      const now = job;
      this.#change(id, (was) => ({ ...was, job: now }));
      if (ended(job)) break;
      await pause(wait);
      signal.throwIfAborted();
      const input: GetIngestionJobInput = { ...of, ingestionJobId: job.ingestionJobId };
      job = (await client.call(GetIngestionJob, input, { region, signal })).ingestionJob;
    }
    if ((this.#looks.get(id) ?? 0) > 0) return;
    const failed = job.statistics?.numberOfDocumentsFailed ?? 0;
    if (job.status === "COMPLETE" && failed === 0) notify.success(`The files of ${run.baseName} are synced.`);
    else if (job.status === "COMPLETE") notify.warning(`${failed} of the files of ${run.baseName} could not be read.`);
  }
}

const at = (run: Run, i: number): FileState => {
  const state = run.files[i];
  if (!state) throw new Error("there is no such file in the run");
  return state;
};

/** Client tokens have at least 33 characters. */
const tokenOf = (id: string) => id.padEnd(33, "0");

const queryKey = ["knowledge-bases", "runs"];

/** The runs of this browser's page, which are kept with what was asked of the server. */
export function useRuns(): { runs: Runs; list: readonly Run[] } {
  const queries = useQueryClient();
  const [runs] = useState(() => {
    const kept = queries.getQueryData<Runs>(queryKey);
    if (kept) return kept;
    const made = new Runs();
    queries.setQueryDefaults(queryKey, { gcTime: Infinity, structuralSharing: false });
    queries.setQueryData(queryKey, made);
    return made;
  });
  return { runs, list: useSyncExternalStore(runs.subscribe, runs.list) };
}
