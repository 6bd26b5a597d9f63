import "./blob.testing";
import { expect, test } from "vitest";
import type { ContentBlock } from "@/api/bedrock-runtime.gen";
import {
  attachedBefore,
  canBeEdited,
  faultOfAll,
  limits,
  outlineOf,
  partsOf,
  pastedFile,
  tooLongToPaste,
} from "./attachments";
import { pieces } from "./long-text";

const line = (n: number) => "x".repeat(n);

test.each([
  ["a page", line(3000), "", false],
  ["as much as a field holds well", `${line(9999)}\n`.repeat(5), "", false],
  ["more than that", `${line(9999)}\n`.repeat(5) + "y", "", true],
  ["one long line", line(20_001), "", true],
  ["a long line between others", `a\n${line(20_001)}\nb`, "", true],
  ["a page behind a lot", line(3000), `${line(9999)}\n`.repeat(20), true],
  ["a word behind a lot", "word", `${line(9999)}\n`.repeat(20), false],
])("%s is pasted as it is, or becomes a document", (_, pasted, before, long) => {
  expect(tooLongToPaste(pasted, before)).toBe(long);
});

test("what is not too long is put back", () => {
  expect(canBeEdited(line(50_000))).toBe(true);
  expect(canBeEdited(line(50_001))).toBe(false);
  expect(canBeEdited(`${line(9_999)}\n`.repeat(20))).toBe(true);
  expect(canBeEdited(`${line(9_999)}\n`.repeat(20) + "y")).toBe(false);
});

test("texts that are pasted are files with names of their own, and whole", async () => {
  const first = pastedFile("half \ud83e", []);
  const second = pastedFile("b", [{ id: "1", file: first, pasted: "half" }]);
  expect([first.name, second.name]).toEqual(["Pasted text.txt", "Pasted text (2).txt"]);
  expect(await first.text()).toBe("half \ufffd");
});

const document = (name: string): ContentBlock => ({ document: { format: "txt", name, source: { bytes: "eA==" } } });

test("what was attached before counts, and keeps its names", async () => {
  const said = [document("notes"), document("plan")];
  const before = attachedBefore([said, [document("notes")]]);
  expect(before).toEqual({ images: 0, documents: 2, names: new Set(["notes", "plan"]) });
  const files = (n: number) => Array.from({ length: n }, () => new File(["x"], "notes.txt"));
  expect(faultOfAll(files(3), before)).toBeUndefined();
  expect(faultOfAll(files(4), before)).toContain("this one has 2 already");
  const names = (parts: ContentBlock[]) => parts.map((part) => part.document?.name);
  expect(names(await partsOf(files(2), before.names))).toEqual(["notes (2)", "notes (3)"]);
  expect(names(outlineOf(files(2), before.names))).toEqual(["notes (2)", "notes (3)"]);
  expect(limits.documents).toBe(5);
});

test.each([
  ["lines", "one line of many\n".repeat(2000)],
  ["one line", "a word and 🦊 ".repeat(2000)],
  ["no words", "🦊".repeat(10_000)],
  ["empty lines", "\n".repeat(20_000)],
  ["nothing", ""],
])("%s in pieces are all of it", (_, text) => {
  const all = pieces(text);
  expect(all.join("").replaceAll("\n", "")).toBe(text.replaceAll("\n", ""));
  for (const piece of all) {
    expect(piece.length).toBeLessThanOrEqual(4000);
    expect(piece.isWellFormed()).toBe(true);
  }
});
