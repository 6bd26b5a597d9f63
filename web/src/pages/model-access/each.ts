import { asServiceError, sessionEnded, type ServiceError } from "@/client";

/** What became of each of many things. */
export interface Outcome<T> {
  done: T[];
  failed: { of: T; error: ServiceError }[];
}

/** How many are asked for at the same time: as many as a browser sends to one server. */
const atOnce = 6;

/**
 * Does something with each, a few at the same time. One that fails does not stop the others, unless the session has
 * ended, after which all would. When the signal is aborted no more are begun, and what was is waited for.
 */
export async function forEach<T>(
  all: readonly T[],
  act: (of: T) => Promise<unknown>,
  { progress, signal }: { progress?: (over: number) => void; signal?: AbortSignal } = {},
): Promise<Outcome<T>> {
  const outcome: Outcome<T> = { done: [], failed: [] };
  const left = all.values();
  let ended = false;
  const work = async () => {
    // The workers share the iterator: each takes what comes next.
    for (const of of left) {
      if (ended || signal?.aborted) return;
      try {
        await act(of);
        outcome.done.push(of);
      } catch (thrown) {
        const error = asServiceError(thrown);
        if (error.code === sessionEnded) {
          ended = true;
          throw error;
        }
        outcome.failed.push({ of, error });
      }
      progress?.(outcome.done.length + outcome.failed.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, work));
  return outcome;
}
