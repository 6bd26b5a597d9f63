import { describe, expect, test } from "vitest";
import { bodyOf, collect, encodeEvent, encodeFrame, join } from "@/test/frames";
import { crc32, events, frames } from "./eventstream";

const one = encodeEvent("messageStart", { role: "assistant" });
const two = encodeEvent("contentBlockDelta", { delta: { text: "héllo" } });
const both = join(one, two);
const wanted = [{ messageStart: { role: "assistant" } }, { contentBlockDelta: { delta: { text: "héllo" } } }];

test("CRC-32 is the one of zlib and of the checksum's own vector", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

test("reads AWS's own vector of an empty message", async () => {
  const hex = "000000100000000005c248eb7d98c8ff";
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
  expect(await collect(frames(bodyOf(bytes)))).toEqual([{ headers: {}, payload: new Uint8Array(0) }]);
});

describe("split", () => {
  for (let at = 0; at <= both.length; at++) {
    test(`at byte ${at}`, async () => {
      expect(await collect(events(bodyOf(both.slice(0, at), both.slice(at)), "r"))).toEqual(wanted);
    });
  }
  test("into single bytes", async () => {
    expect(await collect(events(bodyOf(...Array.from(both, (b) => Uint8Array.of(b))), "r"))).toEqual(wanted);
  });
});

describe("a wrong byte is noticed", () => {
  for (let at = 0; at < one.length; at++) {
    test(`at ${at}`, async () => {
      const wrong = one.slice();
      wrong[at] = (wrong[at] ?? 0) ^ 0x10;
      await expect(collect(events(bodyOf(wrong), "r"))).rejects.toMatchObject({ code: "BrokenStream" });
    });
  }
});

test("a stream that ends within an event is broken, after the events before it", async () => {
  const seen: unknown[] = [];
  const read = async () => {
    for await (const event of events(bodyOf(both.slice(0, -1)), "r")) seen.push(event);
  };
  await expect(read()).rejects.toMatchObject({ code: "BrokenStream" });
  expect(seen).toEqual(wanted.slice(0, 1));
});

test("headers of other types are skipped", async () => {
  // bool, byte, short, int, long, bytes, timestamp, uuid, and then a text.
  const values = [
    [0],
    [1],
    [2, 9],
    [3, 0, 9],
    [4, 0, 0, 0, 9],
    [5, 0, 0, 0, 0, 0, 0, 0, 9],
    [6, 0, 2, 7, 7],
    [8, 0, 0, 0, 0, 0, 0, 0, 9],
  ];
  values.push([9, ...Array.from({ length: 16 }, () => 1)], [7, 0, 1, 0x7a]);
  const head = Uint8Array.from(values.flatMap((value, i) => [1, 0x61 + i, ...value]));
  const frame = new Uint8Array(16 + head.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, frame.length);
  view.setUint32(4, head.length);
  view.setUint32(8, crc32(frame.subarray(0, 8)));
  frame.set(head, 12);
  view.setUint32(frame.length - 4, crc32(frame.subarray(0, -4)));
  const [read] = await collect(frames(bodyOf(frame)));
  expect(read?.headers).toEqual({ j: "z" });
});

test("an exception is thrown with its name and message", async () => {
  const frame = encodeFrame(
    { ":message-type": "exception", ":exception-type": "throttlingException" },
    '{"message":"Too many tokens."}',
  );
  await expect(collect(events(bodyOf(join(one, frame)), "r-1"))).rejects.toMatchObject({
    code: "ThrottlingException",
    message: "Too many tokens.",
    requestId: "r-1",
  });
});

test("an error without a model is thrown with what its headers say", async () => {
  const frame = encodeFrame({ ":message-type": "error", ":error-code": "Internal", ":error-message": "It broke." }, "");
  await expect(collect(events(bodyOf(frame), "r"))).rejects.toMatchObject({ code: "Internal", message: "It broke." });
});

test("who stops reading ends the request", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(one),
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const event of events(body, "r")) {
    expect(event).toEqual(wanted[0]);
    break;
  }
  expect(cancelled).toBe(true);
});

test("a connection that breaks is an error of the network, after the events before it", async () => {
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (++pulls === 1) controller.enqueue(encodeEvent("a", { n: 1 }));
        else controller.error(new TypeError("network error"));
      },
    },
    { highWaterMark: 0 },
  );
  const read: unknown[] = [];
  const all = async () => {
    for await (const event of events(body, "r")) read.push(event);
  };
  await expect(all()).rejects.toMatchObject({
    code: "NetworkError",
    message: "The connection to the server was lost: network error",
  });
  expect(read).toEqual([{ a: { n: 1 } }]);
});

test("a stream that is stopped stays stopped", async () => {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(Object.assign(new Error("The request was stopped."), { name: "AbortError" }));
    },
  });
  await expect(collect(events(body, "r"))).rejects.toMatchObject({ name: "AbortError" });
});
