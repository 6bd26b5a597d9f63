import { expect, test } from "vitest";
import { blocksOf, GrowingBlocks } from "./blocks";

const text = `# Title

A paragraph with **bold** text
over two lines.

- one
- two

  more of two

1. first
2. second

\`\`\`go
func f() {

	return
}
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> a quote
> of two lines

Setext
======

The end.`;

test("a text is the same blocks however it is cut", () => {
  const whole = blocksOf(text);
  expect(whole).toHaveLength(9);
  expect(whole[4]).toContain("```go");
  for (const size of [1, 2, 3, 7, 50]) {
    const growing = new GrowingBlocks();
    for (let at = 0; at < text.length; at += size) growing.add(text.slice(at, at + size));
    expect(growing.blocks).toEqual(whole);
    expect(growing.length).toBe(text.length);
  }
});

test("a block that another one follows stays as it is", () => {
  const growing = new GrowingBlocks();
  growing.add("First.\n\nSec");
  const [first] = growing.blocks;
  growing.add("ond.\n\nThird.");
  expect(growing.blocks[0]).toBe(first);
  expect(growing.blocks.map((block) => block.trim())).toEqual(["First.", "Second.", "Third."]);
});

test("a text with definitions of links stays whole, for they hold everywhere", () => {
  const linked = "See [this][a].\n\nMore.\n\n[a]: https://example.com\n";
  expect(blocksOf(linked)).toEqual([linked]);
});

test("white space alone is no block, and carriage returns are none", () => {
  expect(blocksOf(" \n\n ")).toEqual([]);
  expect(blocksOf("a\r\n\r\nb")).toHaveLength(2);
});
