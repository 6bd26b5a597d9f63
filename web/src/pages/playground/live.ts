import type { Citation, RetrieveAndGenerateStreamResponseOutput } from "@/api/bedrock-agent-runtime.gen";
import type { ContentBlock, ConverseStreamOutputEvent } from "@/api/bedrock-runtime.gen";
import type { Json } from "@/api/types";
import { GrowingBlocks } from "./blocks";
import type { Usage } from "./conversation";

/** What is shown of a reply. A tool's input is text until it is complete. */
export type Shown =
  | { kind: "text"; blocks: readonly string[]; text: string }
  | { kind: "reasoning"; text: string; redacted: boolean }
  | { kind: "tool"; name: string; input: string };

type Part =
  | { kind: "text"; text: string; growing: GrowingBlocks }
  | { kind: "reasoning"; text: string; signature: string; redacted: string }
  | { kind: "tool"; name: string; id: string; input: string; ended: boolean };

export interface Snapshot {
  parts: readonly Shown[];
  firstMs?: number;
}

const nothing: Snapshot = { parts: [] };

/** How many characters are drawn in one picture: an answer that comes at once would hold up the browser. */
const atOnce = 1500;

/** Calls something before the next picture is drawn. */
export type Schedule = (run: () => void) => void;

/** With each picture; where none are drawn, as in a tab in the background, a few times a second. */
export const byFrame: Schedule = (run) => {
  if (document.hidden) {
    setTimeout(run, 250);
    return;
  }
  // A tab that goes to the background meanwhile draws nothing, and the answer has to end nevertheless.
  let done = false;
  const once = () => {
    if (!done) run();
    done = true;
  };
  requestAnimationFrame(once);
  setTimeout(once, 1000);
};

/**
 * A reply while it comes. Events may come a thousand times a second; who listens is told once for each picture that the
 * browser draws.
 */
export class LiveReply {
  readonly messageId: string;
  readonly #parts = new Map<number, Part>();
  readonly #listeners = new Set<() => void>();
  readonly #schedule: Schedule;
  readonly #since: () => number;
  #scheduled = false;
  #drawn: (() => void) | undefined;
  #snapshot: Snapshot = nothing;
  firstMs: number | undefined;
  stopReason: string | undefined;
  usage: Usage | undefined;
  citations: Citation[] = [];

  /** since tells the milliseconds since the request. */
  constructor(messageId: string, since: () => number, schedule: Schedule) {
    this.messageId = messageId;
    this.#since = since;
    this.#schedule = schedule;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.#snapshot;

  /** Takes an event of ConverseStream. */
  converse(event: ConverseStreamOutputEvent): void {
    if (event.contentBlockStart) {
      const { contentBlockIndex: index, start } = event.contentBlockStart;
      if (start.toolUse) {
        const { name, toolUseId: id } = start.toolUse;
        this.#parts.set(index, { kind: "tool", name, id, input: "", ended: false });
        this.#came();
      }
    } else if (event.contentBlockDelta) {
      const { contentBlockIndex: index, delta } = event.contentBlockDelta;
      if (delta.text !== undefined) this.#text(index, delta.text);
      else if (delta.toolUse) {
        const part = this.#parts.get(index);
        if (part?.kind === "tool") part.input += delta.toolUse.input;
        this.#came();
      } else if (delta.reasoningContent) {
        let part = this.#parts.get(index);
        if (part?.kind !== "reasoning") {
          part = { kind: "reasoning", text: "", signature: "", redacted: "" };
          this.#parts.set(index, part);
        }
        part.text += delta.reasoningContent.text ?? "";
        part.signature += delta.reasoningContent.signature ?? "";
        part.redacted += delta.reasoningContent.redactedContent ?? "";
        this.#came();
      }
    } else if (event.contentBlockStop) {
      const part = this.#parts.get(event.contentBlockStop.contentBlockIndex);
      if (part?.kind === "tool") part.ended = true;
    } else if (event.messageStop) {
      this.stopReason = event.messageStop.stopReason;
    } else if (event.metadata) {
      const { inputTokens, outputTokens, cacheReadInputTokens, cacheWriteInputTokens } = event.metadata.usage;
      this.usage = {
        inputTokens,
        outputTokens,
        ...(cacheReadInputTokens ? { cacheReadInputTokens } : {}),
        ...(cacheWriteInputTokens ? { cacheWriteInputTokens } : {}),
      };
    }
  }

  /** Takes an event of RetrieveAndGenerateStream. */
  knowledge(event: RetrieveAndGenerateStreamResponseOutput): void {
    if (event.output) this.#text(0, event.output.text);
    else if (event.citation) {
      const { citation, generatedResponsePart, retrievedReferences } = event.citation;
      this.citations.push({
        ...citation,
        ...(generatedResponsePart ? { generatedResponsePart } : {}),
        ...(retrievedReferences ? { retrievedReferences } : {}),
      });
    } else if (event.guardrail?.action === "INTERVENED") {
      this.stopReason = "guardrail_intervened";
    }
  }

  /** The reply as a message has it: without what is empty, and without calls of tools that did not come whole. */
  content(): ContentBlock[] {
    const content: ContentBlock[] = [];
    for (const [, part] of [...this.#parts].toSorted(([a], [b]) => a - b)) {
      if (part.kind === "text") {
        if (part.text !== "") content.push({ text: part.text });
      } else if (part.kind === "reasoning") {
        if (part.redacted !== "") content.push({ reasoningContent: { redactedContent: part.redacted } });
        else if (part.text !== "" || part.signature !== "") {
          const { text, signature } = part;
          content.push({ reasoningContent: { reasoningText: { text, ...(signature === "" ? {} : { signature }) } } });
        }
      } else if (part.ended) {
        const input = parsed(part.input);
        if (input !== undefined) content.push({ toolUse: { toolUseId: part.id, name: part.name, input } });
      }
    }
    return content;
  }

  /** Waits until all that has come is drawn. */
  async end(): Promise<void> {
    if (!this.#scheduled) return;
    await new Promise<void>((resolve) => {
      this.#drawn = resolve;
    });
  }

  #text(index: number, text: string): void {
    let part = this.#parts.get(index);
    if (part?.kind !== "text") {
      part = { kind: "text", text: "", growing: new GrowingBlocks() };
      this.#parts.set(index, part);
    }
    part.text += text;
    if (text !== "") this.#came();
  }

  #came(): void {
    this.firstMs ??= this.#since();
    this.#plan();
  }

  #plan(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.#draw();
      if (!this.#scheduled) this.#drawn?.();
    });
  }

  #draw(): void {
    const ordered = [...this.#parts].toSorted(([a], [b]) => a - b);
    const most = document.hidden ? Number.POSITIVE_INFINITY : atOnce;
    const parts = ordered.map(([, part]): Shown => {
      switch (part.kind) {
        case "text": {
          // Text is read as Markdown once for a picture, not once for an event.
          const { growing, text } = part;
          growing.add(text.slice(growing.length, growing.length + most));
          if (growing.length < text.length) this.#plan();
          return { kind: "text", blocks: growing.blocks, text: text.slice(0, growing.length) };
        }
        case "reasoning":
          return { kind: "reasoning", text: part.text, redacted: part.redacted !== "" };
        case "tool":
          return { kind: "tool", name: part.name, input: part.input };
      }
    });
    this.#snapshot = { parts, ...(this.firstMs === undefined ? {} : { firstMs: this.firstMs }) };
    for (const listener of this.#listeners) listener();
  }
}

function parsed(input: string): Json | undefined {
  if (input.trim() === "") return {};
  try {
    return JSON.parse(input) as Json;
  } catch {
    return undefined;
  }
}
