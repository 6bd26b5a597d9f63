import { describe, expect, test } from "vitest";
import { bodyOf, collect } from "@/test/frames";
import { serverEvents } from "./sse";

const text =
  ': hello\r\nid: 7\r\nevent: request\r\ndata: {"é":1}\r\n\r\ndata:a\ndata: b\n\nretry: 5\n\nevent: end\ndata\n\n';
const bytes = new TextEncoder().encode(text);
const wanted = [
  { event: "request", data: '{"é":1}', id: "7" },
  { event: "message", data: "a\nb", id: "7" },
  { event: "end", data: "", id: "7" },
];

describe("server-sent events, split", () => {
  for (let at = 0; at <= bytes.length; at++) {
    test(`at byte ${at}`, async () => {
      expect(await collect(serverEvents(bodyOf(bytes.slice(0, at), bytes.slice(at))))).toEqual(wanted);
    });
  }
});

test("what is not finished when the stream ends is no event", async () => {
  expect(await collect(serverEvents(bodyOf(new TextEncoder().encode("data: a\n\ndata: b\n"))))).toHaveLength(1);
});
