import { expect, test } from "vitest";
import { ServiceError, sessionEnded } from "@/client";
import { forEach } from "./each";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Work that waits until it is told to be over. */
function held() {
  const begun: number[] = [];
  const waiting: (() => void)[] = [];
  return {
    begun,
    act: (of: number) => {
      begun.push(of);
      return new Promise<void>((resolve) => waiting.push(resolve));
    },
    finish: async () => {
      for (const go of waiting.splice(0)) go();
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

test("a few are asked for at the same time, and what is over is counted", async () => {
  const { begun, act, finish } = held();
  const counts: number[] = [];
  const run = forEach(numbers(8), act, { progress: (over) => counts.push(over) });
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  await finish();
  expect(begun).toEqual(numbers(8));
  await finish();
  expect((await run).done).toEqual(numbers(8));
  expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("what is stopped begins no more, and keeps what was done", async () => {
  const { begun, act, finish } = held();
  const control = new AbortController();
  const run = forEach(numbers(1000), act, { signal: control.signal });
  control.abort();
  await finish();
  expect(await run).toEqual({ done: [0, 1, 2, 3, 4, 5], failed: [] });
  expect(begun).toHaveLength(6);
});

test("one that fails does not stop the others, an ended session does", async () => {
  const no = new ServiceError({ code: "ValidationException", message: "no" });
  const outcome = await forEach(numbers(20), (of) => (of === 3 ? Promise.reject(no) : Promise.resolve()));
  expect(outcome.done).toHaveLength(19);
  expect(outcome.failed).toEqual([{ of: 3, error: no }]);

  const over = new ServiceError({ code: sessionEnded, message: "over" });
  const begun: number[] = [];
  const fail = (of: number) => {
    begun.push(of);
    return Promise.reject(over);
  };
  await expect(forEach(numbers(20), fail)).rejects.toBe(over);
  expect(begun.length).toBeLessThan(20);
});
