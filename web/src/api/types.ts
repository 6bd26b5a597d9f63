/** What the generated modules are made of. The rules are in cmd/outcrop-gen/internal/typescript. */

/** Bytes as they travel in JSON; toBase64 and fromBase64 of client/base64 convert. */
export type Base64 = string;
/** A time as ISO 8601 text. */
export type IsoTime = string;
/** A time as seconds since 1970. */
export type EpochSeconds = number;
/** Free JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An object with exactly one of the members of T. */
export type Union<T> = {
  [K in keyof T]: { [P in K]: T[P] } & { [P in Exclude<keyof T, K>]?: never };
}[keyof T];

/** How XML of a shape is read; see table in package typescript. */
export type Table =
  | "s"
  | "n"
  | "b"
  | readonly [string, Table]
  | readonly [string, string, string, Table]
  | { readonly [member: string]: Table };

export interface Service {
  /** The service's name in AWS's tables: "bedrock-runtime". */
  readonly id: string;
  /** The name that requests are signed for: "bedrock". */
  readonly signing: string;
  readonly protocol: "rest-json" | "query" | "json";
  readonly version?: string;
  readonly target?: string;
}

/** How an operation's input becomes a request and its answer an output. E is the type of its events. */
export interface Operation<I, O, E = never> {
  readonly service: Service;
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly labels?: { readonly [member: string]: string };
  readonly query?: { readonly [member: string]: string };
  readonly headers?: { readonly [member: string]: string };
  /** The member that is the whole body. */
  readonly payload?: string;
  /** Whether members travel in a JSON body. */
  readonly body?: boolean;
  /** The member that makes the request idempotent. */
  readonly token?: string;
  /** Members of the output that travel as headers. */
  readonly answered?: { readonly [member: string]: string };
  /** The member of the output that is the whole body, as bytes. */
  readonly bytes?: string;
  /** The element around an XML result. */
  readonly wrapper?: string;
  /** How an XML result is read. */
  readonly result?: Table;
  /** The member that a JSON answer is the value of. */
  readonly whole?: string;
  readonly stream?: boolean;
  /** Never there: it carries the types. */
  readonly types?: (input: I) => [O, E];
}
