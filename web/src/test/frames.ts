import { crc32 } from "@/client/eventstream";

/** A frame of an event stream, as a server writes it. */
export function encodeFrame(
  headers: { [name: string]: string },
  payload: string | Uint8Array,
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const head: number[] = [];
  for (const [name, value] of Object.entries(headers)) {
    const text = encoder.encode(value);
    head.push(name.length, ...encoder.encode(name), 7, text.length >> 8, text.length & 255, ...text);
  }
  const body = typeof payload === "string" ? encoder.encode(payload) : payload;
  const frame = new Uint8Array(16 + head.length + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, frame.length);
  view.setUint32(4, head.length);
  view.setUint32(8, crc32(frame.subarray(0, 8)));
  frame.set(head, 12);
  frame.set(body, 12 + head.length);
  view.setUint32(frame.length - 4, crc32(frame.subarray(0, -4)));
  return frame;
}

/** An event with a JSON payload. */
export function encodeEvent(type: string, payload: object): Uint8Array<ArrayBuffer> {
  const headers = { ":event-type": type, ":content-type": "application/json", ":message-type": "event" };
  return encodeFrame(headers, JSON.stringify(payload));
}

/** Bytes as one. */
export function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A body that arrives in these pieces. */
export function bodyOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

/** Everything that an iteration gives. */
export async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of from) all.push(item);
  return all;
}
