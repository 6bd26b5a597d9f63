import type { ContentBlock, ConversationRole } from "@/api/bedrock-runtime.gen";
import type { Citation } from "@/api/bedrock-agent-runtime.gen";

/** How a model is asked. What is not there is left to the model. */
export interface Settings {
  /** What the model is called by where it is not its own ID: an inference profile, an ARN. */
  calledAs?: string;
  maxTokens?: number;
  temperature?: number;
  topP?: number;
  stopSequences: string[];
  /** A JSON object, as text; empty: none. */
  additional: string;
}

/** A tool on offer, and what stands in for it. */
export interface Tool {
  name: string;
  description: string;
  /** The JSON schema of its input, as text. */
  schema: string;
  /** What it answers. */
  mock: string;
  /** It answers by itself; otherwise somebody is asked each time. */
  automatic: boolean;
}

/** auto: the model decides; any: it has to call one; else the name of the one that it has to call behind "tool:". */
export type ToolChoice = "auto" | "any" | `tool:${string}`;

export interface Knowledge {
  id: string;
  /** How many passages are looked up. */
  results: number;
  search: "DEFAULT" | "HYBRID" | "SEMANTIC";
}

export interface Failure {
  code: string;
  message: string;
  requestId: string;
}

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cacheReadInputTokens?: number;
  cacheWriteInputTokens?: number;
}

/** What is known of a reply besides its content. */
export interface Reply {
  model: string;
  requestId: string;
  /** Milliseconds from the request to the first piece of the answer, and to its end. */
  firstMs?: number;
  totalMs?: number;
  usage?: Usage;
  /** Dollars; absent where no price or no use is known. */
  cost?: number;
  stopReason?: string;
  /** Somebody stopped it. */
  stopped?: boolean;
  failure?: Failure;
  /** The knowledge base that was asked, what it said it has from where, and its session. */
  knowledgeBase?: string;
  citations?: Citation[];
  sessionId?: string;
}

export interface Message {
  id: string;
  /** The message before it; empty: there is none. */
  parent: string;
  /** Messages that were sent to several models at once have the same. */
  turn: string;
  role: Exclude<ConversationRole, "system">;
  content: ContentBlock[];
  at: string;
  /** Of the assistant's messages. */
  reply?: Reply;
}

/** One of the models that are compared, with its own conversation: a tree, as messages can be edited. */
export interface Column {
  id: string;
  /** Empty: none is chosen yet. */
  model: string;
  settings: Settings;
  messages: { readonly [id: string]: Message };
  /** Which child of a message is shown, by the ID of the message; that of the first by "". */
  chosen: { readonly [id: string]: string };
}

export type Mode = "chat" | "single";

export interface Conversation {
  id: string;
  title: string;
  mode: Mode;
  system: string;
  tools: Tool[];
  toolChoice: ToolChoice;
  knowledge?: Knowledge;
  columns: Column[];
  created: string;
  updated: string;
  /** Grows with each time it is kept. */
  revision: number;
}

export const mostColumns = 3;

export const newSettings = (): Settings => ({ stopSequences: [], additional: "" });

export function newColumn(id: string, model: string, settings: Settings = newSettings()): Column {
  return { id, model, settings, messages: {}, chosen: {} };
}

export function newConversation(id: string, at: string, columns: Column[]): Conversation {
  return {
    id,
    title: "",
    mode: "chat",
    system: "",
    tools: [],
    toolChoice: "auto",
    columns,
    created: at,
    updated: at,
    revision: 0,
  };
}

/** The messages that are shown, the first one first. */
export function path(column: Column): Message[] {
  const all: Message[] = [];
  for (let at = column.chosen[""]; at !== undefined; at = column.chosen[at]) {
    const message = column.messages[at];
    // A tree from a file may be anything, a circle too.
    if (!message || all.length >= Object.keys(column.messages).length) break;
    all.push(message);
  }
  return all;
}

/** The messages up to one and with it. */
export function pathTo(column: Column, id: string): Message[] {
  const all: Message[] = [];
  const seen = new Set<string>();
  for (let at = column.messages[id]; at && !seen.has(at.id); at = column.messages[at.parent]) {
    seen.add(at.id);
    all.unshift(at);
  }
  return all;
}

/** The messages that stand in the same place as one, the oldest first. */
export function siblings(column: Column, message: Message): Message[] {
  return Object.values(column.messages).filter((m) => m.parent === message.parent && m.role === message.role);
}

/** A column with one more message, which is shown. */
export function withMessage(column: Column, message: Message): Column {
  return {
    ...column,
    messages: { ...column.messages, [message.id]: message },
    chosen: { ...column.chosen, [message.parent]: message.id },
  };
}

/** A column in which another of the messages of a place is shown. */
export function choosing(column: Column, message: Message): Column {
  return { ...column, chosen: { ...column.chosen, [message.parent]: message.id } };
}

/** The text of a message. */
export function textOf(content: readonly ContentBlock[]): string {
  return content.flatMap((part) => (part.text === undefined ? [] : [part.text])).join("\n\n");
}

/** A name for a conversation, of what was said first. */
export function titleOf(content: readonly ContentBlock[]): string {
  const line = textOf(content).trim().split("\n")[0] ?? "";
  return line.length <= 80 ? line : `${line.slice(0, 80).toWellFormed().trimEnd()}…`;
}

/** Whether anything has been said. */
export function empty(conversation: Conversation): boolean {
  return conversation.columns.every((column) => Object.keys(column.messages).length === 0);
}

/** The identifier that the model of a column is called by. */
export function modelOf(column: Column): string {
  return column.settings.calledAs?.trim() || column.model;
}
