import type { Operation } from "@/api/types";
import { readError, ServiceError, sessionEnded } from "./errors";
import { events } from "./eventstream";
import { formEncode, readResult } from "./query";
import { serverEvents, type ServerEvent } from "./sse";

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Another region than the one that is chosen at the top of the page. */
  region?: string | undefined;
}

/** The answer of an operation that streams: what its headers say, and the events. */
export interface Streamed<O, E> {
  output: O;
  requestId: string;
  events: AsyncIterable<E>;
}

/** What a Client needs to know, asked anew for each call. */
export interface ClientOptions {
  region: () => string;
  csrf: () => string;
  /** Is told when a call is refused because the session has ended. */
  ended: () => void;
  fetch?: typeof fetch;
}

interface Call {
  signing: string;
  /** Behind the signing name and region, with its slash, encoded. */
  path: string;
  method: string;
  headers?: { [name: string]: string };
  body?: BodyInit | null | undefined;
}

/** Calls services, the operator API and buckets through the console's door, as who is signed in. */
export class Client {
  readonly #options: ClientOptions;
  /** What the server's last answer said of the time, and when that was by a clock that nobody sets. */
  #clock: { server: number; at: number } | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The server's time, to the second. The clock of the machine that shows the page may be wrong; before the first answer it is all there is. */
  now(): Date {
    return this.#clock ? new Date(this.#clock.server + performance.now() - this.#clock.at) : new Date();
  }

  /** The same once the server has been heard of. */
  async time({ signal }: CallOptions = {}): Promise<Date> {
    if (!this.#clock) {
      const ask = this.#options.fetch ?? fetch;
      const init = { credentials: "same-origin", cache: "no-store", signal: signal ?? null } as const;
      await ask("/console/session", init).then(
        (answer) => this.#hear(answer),
        () => undefined, // whatever is asked next says why
      );
    }
    return this.now();
  }

  #hear(answer: Response): void {
    const date = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(date)) this.#clock = { server: date, at: performance.now() };
  }

  /** Calls an operation. */
  async call<I extends object, O>(op: Operation<I, O>, input: I, options: CallOptions = {}): Promise<O> {
    const answer = await this.#send(request(op, input), options);
    const output = await read(op, answer);
    return output as O;
  }

  /** Calls an operation that answers with a stream of events. Aborting the signal, or leaving the loop, ends it. */
  async stream<I extends object, O, E>(
    op: Operation<I, O, E>,
    input: I,
    options: CallOptions = {},
  ): Promise<Streamed<O, E>> {
    const answer = await this.#send(request(op, input), options);
    const requestId = answer.headers.get("x-amzn-requestid") ?? "";
    return { output: headersOf(op, answer) as O, requestId, events: events<E>(bodyOf(answer), requestId) };
  }

  /** The items of all pages of a listing. */
  async all<I extends object, O extends object, T>(
    op: Operation<I, O>,
    input: I,
    items: (output: O) => readonly T[] | undefined,
    options: CallOptions = {},
  ): Promise<T[]> {
    const all: T[] = [];
    let page: I = input;
    for (;;) {
      const output = await this.call(op, page, options);
      all.push(...(items(output) ?? []));
      const next = nextPage(output);
      if (!next) return all;
      page = { ...input, ...next };
    }
  }

  /** Calls the operator API: operator("GET", "server"). */
  async operator<T>(
    method: string,
    path: string,
    {
      body,
      query,
      ...options
    }: CallOptions & { body?: unknown; query?: { [key: string]: string | number | boolean | undefined } } = {},
  ): Promise<T> {
    const answer = await this.#send(
      {
        signing: "outcrop",
        path: `/${path}${queryText(query ?? {})}`,
        method,
        headers: body === undefined ? {} : { "Content-Type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
      },
      options,
    );
    const text = await answer.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** The server-sent events of the operator API: operatorEvents("requests/live"). */
  async operatorEvents(path: string, options: CallOptions = {}): Promise<AsyncIterable<ServerEvent>> {
    const headers = { Accept: "text/event-stream" };
    const answer = await this.#send({ signing: "outcrop", path: `/${path}`, method: "GET", headers }, options);
    return serverEvents(bodyOf(answer));
  }

  /** Any request of a service, for what has no operation here. */
  raw(call: Call, options: CallOptions = {}): Promise<Response> {
    return this.#send(call, options);
  }

  /** The address and headers of a request, for XMLHttpRequest, which can tell how much it has sent. */
  address(
    call: { signing: string; path: string },
    region?: string,
  ): { url: string; headers: { [name: string]: string } } {
    return {
      url: `/console/call/${call.signing}/${region ?? this.#options.region()}${call.path}`,
      headers: { "X-Outcrop-CSRF": this.#options.csrf() },
    };
  }

  /** Makes of an answer that refuses an error, and tells when it says that the session has ended. */
  async refused(answer: Response): Promise<ServiceError> {
    const error = await readError(answer);
    if (answer.status === 401 && answer.headers.has("x-outcrop-console-error")) {
      this.#options.ended();
      return new ServiceError({
        status: error.status,
        requestId: error.requestId,
        code: sessionEnded,
        message: "Your session has ended. Sign in again.",
      });
    }
    return error;
  }

  async #send(call: Call, options: CallOptions): Promise<Response> {
    const { url, headers } = this.address(call, options.region);
    let answer: Response;
    try {
      answer = await (this.#options.fetch ?? fetch)(url, {
        method: call.method,
        headers: { ...call.headers, ...headers },
        body: call.body ?? null,
        signal: options.signal ?? null,
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
      });
    } catch (thrown) {
      if (options.signal?.aborted) throw new DOMException("The request was stopped.", "AbortError");
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new ServiceError({ code: "NetworkError", message: `The server cannot be reached: ${why}` });
    }
    this.#hear(answer);
    if (!answer.ok) throw await this.refused(answer);
    return answer;
  }
}

function bodyOf(answer: Response): ReadableStream<Uint8Array> {
  return answer.body ?? new Response("").body ?? new ReadableStream();
}

type Members = { [member: string]: unknown };

/** A value that differs from every other one. randomUUID exists on secure origins only. */
export function uniqueToken(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(18)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** The request that an input makes. */
export function request<I extends object>(op: Operation<I, unknown, unknown>, given: I): Call {
  const { service } = op;
  const input: Members = { ...(given as Members) };
  if (op.token) input[op.token] ??= uniqueToken();
  switch (service.protocol) {
    case "query":
      return {
        signing: service.signing,
        path: "/",
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" },
        body: formEncode(op.name, service.version ?? "", input),
      };
    case "json":
      return {
        signing: service.signing,
        path: "/",
        method: "POST",
        headers: {
          "Content-Type": `application/x-amz-json-${service.version ?? "1.1"}`,
          "X-Amz-Target": `${service.target ?? ""}.${op.name}`,
        },
        body: JSON.stringify(input),
      };
    case "rest-json":
      return restRequest(op, input);
  }
}

function restRequest(op: Operation<never, unknown, unknown>, input: Members): Call {
  const take = (member: string) => {
    const value = input[member];
    delete input[member];
    return value;
  };
  let path = op.path ?? "/";
  for (const [member, label] of Object.entries(op.labels ?? {})) {
    const value = take(member);
    const text = value === undefined ? "" : asText(value);
    if (text === "") {
      throw new ServiceError({ code: "ValidationException", message: `${op.name} needs ${member}.` });
    }
    path = path
      .replace(`{${label}}`, () => encodeURIComponent(text))
      .replace(`{${label}+}`, () => text.split("/").map(encodeURIComponent).join("/"));
  }
  const query: Members = {};
  for (const [member, key] of Object.entries(op.query ?? {})) query[key] = take(member);
  const headers: { [name: string]: string } = {};
  for (const [member, name] of Object.entries(op.headers ?? {})) {
    const value = take(member);
    if (value !== undefined) headers[name] = asText(value);
  }
  let body: BodyInit | null = null;
  if (op.payload) {
    const value = take(op.payload);
    if (typeof value === "string" || value instanceof Uint8Array) body = value as BodyInit;
    else if (value !== undefined) body = JSON.stringify(value);
  } else if (op.body) {
    body = JSON.stringify(input);
  }
  if (body !== null && !headers["Content-Type"]) headers["Content-Type"] = "application/json";
  return {
    signing: op.service.signing,
    path: path + queryText(query, path.includes("?")),
    method: op.method ?? "POST",
    headers,
    body,
  };
}

/** A value outside a body: text, a number, yes or no. */
function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function queryText(members: Members, more = false): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(members)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null) query.append(key, asText(item));
    }
  }
  const text = query.toString();
  return text === "" ? "" : (more ? "&" : "?") + text;
}

function headersOf(op: Operation<never, unknown, unknown>, answer: Response): Members {
  const output: Members = {};
  for (const [member, name] of Object.entries(op.answered ?? {})) {
    const value = answer.headers.get(name);
    if (value !== null) output[member] = value;
  }
  return output;
}

async function read(op: Operation<never, unknown, unknown>, answer: Response): Promise<Members> {
  const output = headersOf(op, answer);
  if (op.bytes) return { ...output, [op.bytes]: new Uint8Array(await answer.arrayBuffer()) };
  const text = await answer.text();
  if (op.service.protocol === "query") return readResult(text, op.wrapper, op.result ?? {}) as Members;
  const json = (text === "" ? {} : JSON.parse(text)) as Members;
  return op.whole ? { ...output, [op.whole]: json } : { ...output, ...json };
}

/** What asks for the page after an output; undefined after the last. */
export function nextPage(output: object): Members | undefined {
  const { nextToken, NextToken, Marker, IsTruncated } = output as Members;
  if (nextToken) return { nextToken };
  if (NextToken) return { NextToken };
  if (IsTruncated === true && Marker) return { Marker };
  return undefined;
}
