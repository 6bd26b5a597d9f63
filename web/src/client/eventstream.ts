import { aborted, ServiceError } from "./errors";

/** One frame of application/vnd.amazon.eventstream. Only headers of text are kept, all others are skipped. */
export interface Frame {
  headers: { [name: string]: string };
  payload: Uint8Array<ArrayBuffer>;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The CRC-32 of bytes. */
export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = (crcTable[(c ^ byte) & 0xff] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const broken = (message: string) => new ServiceError({ code: "BrokenStream", message });

/** AWS's own limit on a message is 16 MiB of payload and 128 KiB of headers. */
const largest = (16 << 20) + (128 << 10) + 16;

/** The frames of a stream of bytes, however it is cut. It throws where a checksum or a length is wrong. */
export async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame, void, undefined> {
  const reader = body.getReader();
  let held = new Uint8Array(0);
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(lost);
      if (done) {
        if (held.length > 0) throw broken("The stream ended in the middle of an event.");
        return;
      }
      held = held.length === 0 ? new Uint8Array(value) : concat(held, value);
      for (;;) {
        const length = frameLength(held);
        if (length === 0 || held.length < length) break;
        yield decodeFrame(held.subarray(0, length));
        held = held.subarray(length);
      }
    }
  } finally {
    // Ends the request too when the reader of the frames stops early.
    await reader.cancel().catch(() => undefined);
  }
}

/** A connection that breaks is an error like any other; one that was stopped is nothing to report. */
function lost(thrown: unknown): never {
  if (aborted(thrown)) throw thrown;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  throw new ServiceError({ code: "NetworkError", message: `The connection to the server was lost: ${why}` });
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** The length of the frame that bytes begin with, 0 while it is not known yet. */
function frameLength(bytes: Uint8Array): number {
  if (bytes.length < 12) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (crc32(bytes.subarray(0, 8)) !== view.getUint32(8)) throw broken("The checksum of an event's prelude is wrong.");
  const total = view.getUint32(0);
  if (total > largest || view.getUint32(4) + 16 > total) throw broken("The length of an event is impossible.");
  return total;
}

/** The frame that bytes are exactly. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (crc32(bytes.subarray(0, -4)) !== view.getUint32(bytes.length - 4)) {
    throw broken("The checksum of an event is wrong.");
  }
  const end = 12 + view.getUint32(4);
  return { headers: decodeHeaders(bytes.subarray(12, end)), payload: new Uint8Array(bytes.subarray(end, -4)) };
}

/** Sizes of header values by type; -1 has its length in front. */
const valueSizes = [0, 0, 1, 2, 4, 8, -1, -1, 8, 16];

function decodeHeaders(bytes: Uint8Array): { [name: string]: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = new TextDecoder();
  const headers: { [name: string]: string } = {};
  try {
    for (let at = 0; at < bytes.length;) {
      const nameEnd = at + 1 + view.getUint8(at);
      const name = text.decode(bytes.subarray(at + 1, nameEnd));
      const type = view.getUint8(nameEnd);
      let size = valueSizes[type];
      if (size === undefined) throw broken("An event has a header of an unknown type.");
      at = nameEnd + 1;
      if (size < 0) {
        size = view.getUint16(at);
        at += 2;
      }
      if (at + size > bytes.length) throw broken("A header of an event is cut short.");
      if (type === 7) headers[name] = text.decode(bytes.subarray(at, at + size));
      at += size;
    }
  } catch (thrown) {
    if (thrown instanceof ServiceError) throw thrown;
    throw broken("A header of an event is cut short.");
  }
  return headers;
}

/** The events of frames as objects with the event's name as their one key. Exceptions are thrown. */
export async function* events<E>(
  body: ReadableStream<Uint8Array>,
  requestId: string,
): AsyncGenerator<E, void, undefined> {
  const text = new TextDecoder();
  for await (const { headers, payload } of frames(body)) {
    const json = () => (payload.length === 0 ? {} : (JSON.parse(text.decode(payload)) as { [key: string]: unknown }));
    switch (headers[":message-type"]) {
      case "event":
        yield { [headers[":event-type"] ?? ""]: json() } as E;
        break;
      case "exception": {
        const { message, Message } = json();
        throw new ServiceError({
          code: upperFirst(headers[":exception-type"] ?? "Exception"),
          message: asText(message ?? Message) ?? "The stream was cut by an exception.",
          requestId,
          status: 200,
        });
      }
      default:
        throw new ServiceError({
          code: headers[":error-code"] ?? "Error",
          message: headers[":error-message"] ?? "The stream was cut by an error.",
          requestId,
          status: 200,
        });
    }
  }
}

function upperFirst(s: string): string {
  return s.slice(0, 1).toUpperCase() + s.slice(1);
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
