import type { Citation } from "@/api/bedrock-agent-runtime.gen";
import type { ContentBlock, ToolResultBlock } from "@/api/bedrock-runtime.gen";
import type { Json } from "@/api/types";
import {
  mostColumns,
  type Column,
  type Conversation,
  type Failure,
  type Knowledge,
  type Message,
  type Reply,
  type Settings,
  type Tool,
  type ToolChoice,
  type Usage,
} from "./conversation";

/** What a file of conversations begins with. */
const format = "outcrop-playground";
const version = 1;

/** The largest file that is read. */
export const largestFile = 64 << 20;

/** What is wrong with a file, and where in it. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Reads a value at a place, or throws. */
type Read<T> = (value: unknown, at: string) => T;

function wrong(at: string, what: string): never {
  throw new Malformed(`${at === "" ? "The file" : at} ${what}.`);
}

function text(most = 10_000_000): Read<string> {
  return (value, at) => {
    if (typeof value !== "string") wrong(at, "is no text");
    return value.length > most ? wrong(at, "is too long") : value;
  };
}

const number: Read<number> = (value, at) =>
  typeof value === "number" && Number.isFinite(value) ? value : wrong(at, "is no number");

function between(from: number, to: number): Read<number> {
  return (value, at) => {
    const n = number(value, at);
    return n >= from && n <= to ? n : wrong(at, `is not between ${from} and ${to}`);
  };
}

const whole: Read<number> = (value, at) => {
  const n = number(value, at);
  return Number.isInteger(n) && n >= 0 ? n : wrong(at, "is no whole number");
};

const bool: Read<boolean> = (value, at) =>
  typeof value === "boolean" ? value : wrong(at, "is neither true nor false");

const time: Read<string> = (value, at) => {
  const t = text(40)(value, at);
  return Number.isNaN(Date.parse(t)) ? wrong(at, "is no time") : new Date(t).toISOString();
};

const base64: Read<string> = (value, at) => {
  const t = text(20_000_000)(value, at);
  return /^[A-Za-z0-9+/]*={0,2}$/.test(t) && t.length % 4 === 0 ? t : wrong(at, "is no base64");
};

function oneOf<T extends string>(...values: readonly T[]): Read<T> {
  return (value, at) => values.find((v) => v === value) ?? wrong(at, `is none of ${values.join(", ")}`);
}

function listOf<T>(item: Read<T>, most: number): Read<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return wrong(at, "is no list");
    if (value.length > most) wrong(at, `has more than ${most} members`);
    return value.map((v, i) => item(v, `${at}[${i}]`));
  };
}

function record(value: unknown, at: string): { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as { [key: string]: unknown })
    : wrong(at, "is no object");
}

const inside = (at: string, name: string) => (at === "" ? name : `${at}.${name}`);

type Members<T> = { [K in keyof T]-?: { read: Read<Exclude<T[K], undefined>>; optional: boolean } };

const must = <T>(read: Read<T>) => ({ read, optional: false });
const may = <T>(read: Read<T>) => ({ read, optional: true });

/** An object with these members and no others. */
function object<T extends object>(members: Members<T>): Read<T> {
  return (value, at) => {
    const given = record(value, at);
    const out: { [key: string]: unknown } = {};
    for (const key of Object.keys(given)) {
      if (!Object.hasOwn(members, key)) wrong(at, `has an unknown member "${key.slice(0, 60)}"`);
    }
    for (const [key, { read, optional }] of Object.entries<{ read: Read<unknown>; optional: boolean }>(members)) {
      if (given[key] !== undefined) out[key] = read(given[key], inside(at, key));
      else if (!optional) wrong(at, `lacks "${key}"`);
    }
    return out as T;
  };
}

/** An object with exactly one of these members. */
function union<T>(members: { [name: string]: Read<unknown> }): Read<T> {
  return (value, at) => {
    const keys = Object.keys(record(value, at));
    const key = keys[0];
    const read = key !== undefined && Object.hasOwn(members, key) ? members[key] : undefined;
    if (keys.length !== 1 || key === undefined || !read)
      return wrong(at, `has not one of ${Object.keys(members).join(", ")}`);
    return { [key]: read(record(value, at)[key], inside(at, key)) } as T;
  };
}

/** An object with names that are not known beforehand, which must not be those that every object has. */
function mapOf<T>(item: Read<T>, most: number): Read<{ [key: string]: T }> {
  return (value, at) => {
    const entries = Object.entries(record(value, at));
    if (entries.length > most) wrong(at, `has more than ${most} members`);
    const out: { [key: string]: T } = {};
    for (const [key, v] of entries) {
      if (key === "__proto__") wrong(at, 'has a member "__proto__"');
      out[key] = item(v, inside(at, key.slice(0, 60)));
    }
    return out;
  };
}

function json(depth = 0): Read<Json> {
  return (value, at) => {
    if (depth > 60) wrong(at, "is nested too deep");
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "number") return number(value, at);
    if (Array.isArray(value)) return listOf(json(depth + 1), 100_000)(value, at);
    return mapOf(json(depth + 1), 100_000)(value, at);
  };
}

const id: Read<string> = (value, at) => {
  const t = text(100)(value, at);
  return /^[A-Za-z0-9_-]+$/.test(t) ? t : wrong(at, "is no ID");
};

const bytesSource = object<{ bytes: string }>({ bytes: must(base64) });

const toolResult = object<ToolResultBlock>({
  toolUseId: must(text(64)),
  content: must(listOf(union({ text: text(), json: json() }), 100)),
  status: may(oneOf("success", "error")),
  type: may(text(64)),
});

const content: Read<ContentBlock> = union({
  text: text(),
  image: object<{ format: string; source: { bytes: string } }>({
    format: must(oneOf("png", "jpeg", "gif", "webp")),
    source: must(bytesSource),
  }),
  document: object<{ format: string; name: string; source: { bytes: string } }>({
    format: must(oneOf("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")),
    name: must(text(200)),
    source: must(bytesSource),
  }),
  toolUse: object<{ toolUseId: string; name: string; input: Json }>({
    toolUseId: must(text(64)),
    name: must(text(64)),
    input: must(json()),
  }),
  toolResult,
  reasoningContent: union({
    reasoningText: object<{ text: string; signature?: string }>({ text: must(text()), signature: may(text()) }),
    redactedContent: base64,
  }),
});

const usage = object<Usage>({
  inputTokens: must(whole),
  outputTokens: must(whole),
  cacheReadInputTokens: may(whole),
  cacheWriteInputTokens: may(whole),
});

const failure = object<Failure>({ code: must(text(200)), message: must(text(20_000)), requestId: must(text(200)) });

/** Citations are the server's; what is shown of them is checked where it is shown. */
const citation: Read<Citation> = (value, at) => {
  const { generatedResponsePart, retrievedReferences, ...others } = record(value, at);
  if (Object.keys(others).length > 0) wrong(at, "has an unknown member");
  if (generatedResponsePart !== undefined)
    mapOf(json(), 100)(generatedResponsePart, inside(at, "generatedResponsePart"));
  if (retrievedReferences !== undefined) {
    listOf(mapOf(json(), 100), 1000)(retrievedReferences, inside(at, "retrievedReferences"));
  }
  return value as Citation;
};

const reply = object<Reply>({
  model: must(text(2048)),
  requestId: must(text(200)),
  firstMs: may(number),
  totalMs: may(number),
  usage: may(usage),
  cost: may(number),
  stopReason: may(text(100)),
  stopped: may(bool),
  failure: may(failure),
  knowledgeBase: may(text(100)),
  citations: may(listOf(citation, 1000)),
  sessionId: may(text(200)),
});

const message = object<Message>({
  id: must(id),
  parent: must((value, at) => (value === "" ? "" : id(value, at))),
  turn: must(id),
  role: must(oneOf("user", "assistant")),
  content: must(listOf(content, 200)),
  at: must(time),
  reply: may(reply),
});

const settings = object<Settings>({
  calledAs: may(text(2048)),
  maxTokens: may(between(1, 10_000_000)),
  temperature: may(between(0, 1)),
  topP: may(between(0, 1)),
  stopSequences: must(listOf(text(10_000), 2500)),
  additional: must(text(1_000_000)),
});

const column: Read<Column> = (value, at) => {
  const read = object<Column>({
    id: must(id),
    model: must(text(2048)),
    settings: must(settings),
    messages: must(mapOf(message, 20_000)),
    chosen: must(mapOf(id, 20_000)),
  })(value, at);
  for (const [key, { id: own, parent, role }] of Object.entries(read.messages)) {
    const place = inside(inside(at, "messages"), key);
    if (own !== key) wrong(place, "has another ID than its name");
    if (parent === "" ? role !== "user" : read.messages[parent]?.role !== (role === "user" ? "assistant" : "user")) {
      wrong(place, "does not follow the message before it");
    }
  }
  for (const [parent, child] of Object.entries(read.chosen)) {
    if (read.messages[child]?.parent !== parent) wrong(inside(at, "chosen"), "names a message that is elsewhere");
  }
  return read;
};

const tool = object<Tool>({
  name: must(text(64)),
  description: must(text(100_000)),
  schema: must(text(1_000_000)),
  mock: must(text(1_000_000)),
  automatic: must(bool),
});

const toolChoice: Read<ToolChoice> = (value, at) => {
  const t = text(100)(value, at);
  return t === "auto" || t === "any" || t.startsWith("tool:") ? (t as ToolChoice) : wrong(at, "is no choice of tools");
};

const knowledge = object<Knowledge>({
  id: must(text(100)),
  results: must(between(1, 100)),
  search: must(oneOf("DEFAULT", "HYBRID", "SEMANTIC")),
});

const conversation: Read<Conversation> = (value, at) => {
  const read = object<Conversation>({
    id: must(id),
    title: must(text(1000)),
    mode: must(oneOf("chat", "single")),
    system: must(text()),
    tools: must(listOf(tool, 200)),
    toolChoice: must(toolChoice),
    knowledge: may(knowledge),
    columns: must(listOf(column, mostColumns)),
    created: must(time),
    updated: must(time),
    revision: must(whole),
  })(value, at);
  if (read.columns.length === 0) wrong(inside(at, "columns"), "is empty");
  if (new Set(read.columns.map((c) => c.id)).size !== read.columns.length)
    wrong(inside(at, "columns"), "has an ID twice");
  return read;
};

/** A conversation, where a value is one; it throws Malformed where it is none. */
export function readConversation(value: unknown): Conversation {
  return conversation(value, "");
}

/** Conversations as a file. */
export function exportText(conversations: readonly Conversation[]): string {
  return `${JSON.stringify({ format, version, conversations }, null, 2)}\n`;
}

/** The conversations of a file, with IDs of their own. Nothing is taken of a file that has a mistake. */
export function importText(source: string, newId: () => string): Conversation[] {
  if (source.length > largestFile) wrong("", "is too large");
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch {
    return wrong("", "is no JSON");
  }
  const head = record(parsed, "");
  if (head.format !== format) wrong("", "is none that the playground has exported");
  if (head.version !== version)
    wrong("", `has version ${String(head.version).slice(0, 20)}, and ${version} is known here`);
  const { conversations } = object<{ format: string; version: number; conversations: Conversation[] }>({
    format: must(text(100)),
    version: must(number),
    conversations: must(listOf(conversation, 1000)),
  })(parsed, "");
  return conversations.map((c) => ({ ...c, id: newId(), revision: 0 }));
}
