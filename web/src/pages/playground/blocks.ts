import { Lexer } from "marked";

const lex = (text: string) => new Lexer({ gfm: true, breaks: false }).blockTokens(text, []);

/**
 * Markdown that grows, cut into blocks. A block that another one follows does not change any more, so only the last one
 * is read again when text is added, and only that has to be drawn again.
 */
export class GrowingBlocks {
  readonly #done: string[] = [];
  #last = "";
  #length = 0;

  /** How many characters have been added. */
  get length(): number {
    return this.#length;
  }

  /** Adds text. */
  add(text: string): void {
    this.#length += text.length;
    this.#last += text.replaceAll("\r", "");
    const tokens = lex(this.#last);
    const final = tokens.findLastIndex((token) => token.type !== "space");
    if (final <= 0 || tokens.reduce((sum, token) => sum + token.raw.length, 0) !== this.#last.length) return;
    // Raw texts are what they were read from, so they tell where the last block begins.
    let at = 0;
    for (const token of tokens.slice(0, final)) {
      if (token.type !== "space") this.#done.push(this.#last.slice(at, at + token.raw.length));
      at += token.raw.length;
    }
    this.#last = this.#last.slice(at);
  }

  /** All blocks; the last may change. */
  get blocks(): readonly string[] {
    return this.#last.trim() === "" ? [...this.#done] : [...this.#done, this.#last];
  }
}

/** The blocks of a text. One that has footnote-like definitions of links is one block, as they hold everywhere. */
export function blocksOf(text: string): readonly string[] {
  if (/^ {0,3}\[[^\]\n]+\]:/m.test(text) && lex(text).some((token) => token.type === "def")) return [text];
  const growing = new GrowingBlocks();
  growing.add(text);
  return growing.blocks;
}
