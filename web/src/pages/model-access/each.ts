import { asServiceError, sessionEnded, type ServiceError } from "@/client";

/** What became of each of many things. */
export interface Outcome<T> {
  done: T[];
  failed: { of: T; error: ServiceError }[];
}

/**
 * Does something with each, a few at the same time. One that fails does not stop the others, unless the session has
 * ended, after which all would.
 */
export async function forEach<T>(
  all: readonly T[],
  act: (of: T) => Promise<unknown>,
  progress?: (over: number) => void,
): Promise<Outcome<T>> {
  const outcome: Outcome<T> = { done: [], failed: [] };
  const left = [...all];
  const work = async () => {
    for (let of = left.shift(); of !== undefined; of = left.shift()) {
      try {
        await act(of);
        outcome.done.push(of);
      } catch (thrown) {
        const error = asServiceError(thrown);
        if (error.code === sessionEnded) {
          left.length = 0;
          throw error;
        }
        outcome.failed.push({ of, error });
      }
      progress?.(outcome.done.length + outcome.failed.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(6, all.length) }, work));
  return outcome;
}
