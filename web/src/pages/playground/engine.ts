import { RetrieveAndGenerateStream } from "@/api/bedrock-agent-runtime.gen";
import { ConverseStream, type ContentBlock, type ToolResultBlock } from "@/api/bedrock-runtime.gen";
import type { Price } from "@/api/outcrop.gen";
import { aborted, asServiceError, ServiceError, type Client } from "@/client";
import {
  choosing,
  empty,
  modelOf,
  newColumn,
  newSettings,
  path,
  pathTo,
  titleOf,
  withMessage,
  type Column,
  type Conversation,
  type Message,
  type Reply,
  type Tool,
} from "./conversation";
import { costOf } from "./cost";
import { byFrame, LiveReply, type Schedule } from "./live";
import { converseInput, knowledgeInput } from "./request";

/** What a conversation needs of the world. */
export interface World {
  client: Client;
  /** The prices of what a model is called by. */
  prices: (model: string) => readonly Price[];
  newId: () => string;
  now: () => Date;
  /** Milliseconds, for what takes how long. */
  clock: () => number;
  schedule?: Schedule;
  /** Is told when something has been said that is worth keeping. */
  changed?: (conversation: Conversation) => void;
}

/** How often tools may answer by themselves before somebody has to look. */
export const mostRounds = 10;

/** The result of a tool as a message has it: JSON where it is an object, text otherwise. */
export function resultOf(toolUseId: string, text: string, status: "success" | "error"): ToolResultBlock {
  let content: ToolResultBlock["content"] = [{ text }];
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      content = [{ json: value as never }];
    }
  } catch {
    // It is text.
  }
  return { toolUseId, content, ...(status === "error" ? { status } : {}) };
}

/** A call of a tool that waits for its result. */
export interface Waiting {
  toolUseId: string;
  name: string;
  tool: Tool | undefined;
}

/** The calls of tools that nobody has answered. */
export function waiting(conversation: Conversation, column: Column): Waiting[] {
  const last = path(column).at(-1);
  if (last?.role !== "assistant" || last.reply?.failure || last.reply?.stopped) return [];
  return last.content.flatMap(({ toolUse }) =>
    toolUse
      ? [
          {
            toolUseId: toolUse.toolUseId,
            name: toolUse.name,
            tool: conversation.tools.find((tool) => tool.name === toolUse.name),
          },
        ]
      : [],
  );
}

/** A conversation, and the replies to it that come. */
export class Engine {
  readonly #world: World;
  readonly #listeners = new Set<() => void>();
  readonly #running = new Map<string, { live: LiveReply; stop: AbortController }>();
  #conversation: Conversation;
  #lives: ReadonlyMap<string, LiveReply> = new Map();

  constructor(world: World, conversation: Conversation) {
    this.#world = world;
    this.#conversation = conversation;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly conversation = (): Conversation => this.#conversation;

  /** The replies that come, by their column. */
  readonly lives = (): ReadonlyMap<string, LiveReply> => this.#lives;

  /** Changes what is not said: the models, how they are asked. */
  change(change: Partial<Omit<Conversation, "id" | "columns" | "created">>): void {
    this.#set({ ...this.#conversation, ...change });
  }

  /** The models answer from what they know again. */
  withoutKnowledge(): void {
    const { knowledge: _, ...without } = this.#conversation;
    this.#set(without);
  }

  /** Says what it was kept as: another tab may have made it a copy. */
  kept({ id, revision }: Conversation): void {
    this.#set({ ...this.#conversation, id, revision });
  }

  changeColumn(id: string, change: Partial<Pick<Column, "model" | "settings">>): void {
    this.#column(id, (column) => ({ ...column, ...change }));
  }

  /** One more model to compare with, asked as the first one is. */
  addColumn(model: string): void {
    const { columns } = this.#conversation;
    const { calledAs: _, ...settings } = columns[0]?.settings ?? newSettings();
    this.#set({ ...this.#conversation, columns: [...columns, newColumn(this.#world.newId(), model, settings)] });
  }

  removeColumn(id: string): void {
    this.stop(id);
    this.#set({ ...this.#conversation, columns: this.#conversation.columns.filter((column) => column.id !== id) });
    this.#keep();
  }

  /** Shows other messages of the places where there are several. */
  choose(columnId: string, message: Message): void {
    if (this.#running.has(columnId)) return;
    this.#column(columnId, (column) => choosing(column, message));
    this.#keep();
  }

  /** Sends a message to all models. */
  send(content: ContentBlock[]): void {
    this.#say(
      content,
      this.#conversation.columns.filter((column) => column.model !== ""),
      (column) => (this.#conversation.mode === "single" ? "" : (path(column).at(-1)?.id ?? "")),
    );
  }

  /** Sends a message anew with other words, to all models that have got it. */
  edit(message: Message, content: ContentBlock[]): void {
    const having = this.#conversation.columns.filter((column) => path(column).some((m) => m.turn === message.turn));
    this.#say(content, having, (column) => path(column).find((m) => m.turn === message.turn)?.parent ?? "");
  }

  /** Asks for another reply in the place of one. */
  regenerate(columnId: string, reply: Message): void {
    if (!this.#running.has(columnId)) void this.#reply(columnId, reply.parent, 0);
  }

  /** Goes on with the results of tools. */
  answer(columnId: string, results: ToolResultBlock[]): void {
    if (this.#running.has(columnId)) return;
    this.#answered(columnId, results, 0);
  }

  /** Stops the reply of a column, or of all. What has come stays. */
  stop(columnId?: string): void {
    for (const [id, { stop }] of this.#running) if (columnId === undefined || id === columnId) stop.abort();
  }

  #say(content: ContentBlock[], columns: Column[], parentIn: (column: Column) => string): void {
    const turn = this.#world.newId();
    if (this.#conversation.title === "") this.change({ title: titleOf(content) });
    const asked = columns.filter((column) => !this.#running.has(column.id));
    for (const column of asked) {
      const message: Message = {
        id: this.#world.newId(),
        parent: parentIn(column),
        turn,
        role: "user",
        content,
        at: this.#world.now().toISOString(),
      };
      this.#column(column.id, (now) => withMessage(now, message));
      void this.#reply(column.id, message.id, 0);
    }
    this.#keep();
  }

  #answered(columnId: string, results: ToolResultBlock[], round: number): void {
    const column = this.#find(columnId);
    const last = column && path(column).at(-1);
    if (!last) return;
    const message: Message = {
      id: this.#world.newId(),
      parent: last.id,
      turn: this.#world.newId(),
      role: "user",
      content: results.map((toolResult) => ({ toolResult })),
      at: this.#world.now().toISOString(),
    };
    this.#column(columnId, (now) => withMessage(now, message));
    void this.#reply(columnId, message.id, round);
  }

  /** Gets the reply to a message. It never rejects: what goes wrong is kept with the reply. */
  async #reply(columnId: string, parent: string, round: number): Promise<void> {
    const column = this.#find(columnId);
    if (!column) return;
    const { client, newId, now, clock, schedule = byFrame } = this.#world;
    const began = clock();
    const id = newId();
    const live = new LiveReply(id, () => clock() - began, schedule);
    const stop = new AbortController();
    const { knowledge } = this.#conversation;
    const messages = pathTo(column, parent);
    const turn = messages.at(-1)?.turn ?? "";
    const model = modelOf(column);
    let reply: Reply = { model, requestId: "", ...(knowledge ? { knowledgeBase: knowledge.id } : {}) };
    const message = (): Message => ({
      id,
      parent,
      turn,
      role: "assistant",
      content: live.content(),
      at: now().toISOString(),
      reply,
    });
    this.#running.set(columnId, { live, stop });
    this.#lives = new Map([...this.#running].map(([key, value]) => [key, value.live]));
    this.#column(columnId, (was) => withMessage(was, message()));

    const { signal } = stop;
    try {
      if (knowledge) {
        const input = knowledgeInput(this.#conversation, column, messages);
        const answer = await client.stream(RetrieveAndGenerateStream, input, { signal });
        reply = { ...reply, requestId: answer.requestId, sessionId: answer.output.sessionId };
        for await (const event of answer.events) {
          if (signal.aborted) break;
          live.knowledge(event);
        }
      } else {
        const answer = await client.stream(ConverseStream, converseInput(this.#conversation, column, messages), {
          signal,
        });
        reply = { ...reply, requestId: answer.requestId };
        for await (const event of answer.events) {
          if (signal.aborted) break;
          live.converse(event);
        }
        if (!signal.aborted && live.stopReason === undefined) {
          throw new ServiceError({ code: "BrokenStream", message: "The answer ended before it was complete." });
        }
      }
    } catch (thrown) {
      if (!aborted(thrown) && !signal.aborted) {
        const { code, message: text, requestId } = asServiceError(thrown);
        reply = { ...reply, failure: { code, message: text, requestId: requestId || reply.requestId } };
      }
    }
    const totalMs = clock() - began;
    await live.end();
    reply = {
      ...reply,
      totalMs,
      ...(live.firstMs === undefined ? {} : { firstMs: live.firstMs }),
      ...(live.stopReason === undefined ? {} : { stopReason: live.stopReason }),
      ...(live.citations.length === 0 ? {} : { citations: live.citations }),
      ...(signal.aborted ? { stopped: true } : {}),
    };
    if (live.usage) {
      const cost = costOf(this.#world.prices(model), live.usage);
      reply = { ...reply, usage: live.usage, ...(cost === undefined ? {} : { cost }) };
    }
    // Another reply may have begun in the column, or the column may be gone.
    if (this.#running.get(columnId)?.live === live) this.#running.delete(columnId);
    this.#lives = new Map([...this.#running].map(([key, value]) => [key, value.live]));
    this.#column(columnId, (was) =>
      was.messages[id] ? { ...was, messages: { ...was.messages, [id]: message() } } : was,
    );
    this.#keep();
    if (reply.stopReason === "tool_use" && !reply.failure && !signal.aborted) this.#useTools(columnId, round);
  }

  /** Goes on by itself where all tools that were called answer by themselves. */
  #useTools(columnId: string, round: number): void {
    const column = this.#find(columnId);
    if (!column || round >= mostRounds) return;
    const calls = waiting(this.#conversation, column);
    if (calls.length === 0) return;
    const results: ToolResultBlock[] = [];
    for (const { toolUseId, tool } of calls) {
      if (!tool?.automatic) return;
      results.push(resultOf(toolUseId, tool.mock, "success"));
    }
    this.#answered(columnId, results, round + 1);
  }

  #find(columnId: string): Column | undefined {
    return this.#conversation.columns.find((column) => column.id === columnId);
  }

  #column(id: string, change: (column: Column) => Column): void {
    this.#set({
      ...this.#conversation,
      columns: this.#conversation.columns.map((column) => (column.id === id ? change(column) : column)),
    });
  }

  #set(conversation: Conversation): void {
    this.#conversation = conversation;
    for (const listener of this.#listeners) listener();
  }

  #keep(): void {
    if (empty(this.#conversation)) return;
    this.#conversation = { ...this.#conversation, updated: this.#world.now().toISOString() };
    this.#world.changed?.(this.#conversation);
  }
}
