import { expect, test } from "vitest";
import { newColumn, newConversation, withMessage, type Conversation } from "./conversation";
import { exportText, importText, Malformed, readConversation } from "./transfer";

const at = "2026-01-02T03:04:05.000Z";

function conversation(): Conversation {
  let column = newColumn("c", "m", { stopSequences: ["x"], additional: "", maxTokens: 5 });
  column = withMessage(column, {
    id: "q",
    parent: "",
    turn: "t",
    role: "user",
    at,
    content: [
      { text: "Hi <script>" },
      { image: { format: "png", source: { bytes: "aGVsbG8=" } } },
      { document: { format: "txt", name: "n", source: { bytes: "aGVsbG8=" } } },
    ],
  });
  column = withMessage(column, {
    id: "a",
    parent: "q",
    turn: "t",
    role: "assistant",
    at,
    content: [
      { reasoningContent: { reasoningText: { text: "hm", signature: "s" } } },
      { toolUse: { toolUseId: "1", name: "f", input: { a: [1, null, { b: true }] } } },
    ],
    reply: {
      model: "m",
      requestId: "r",
      firstMs: 1,
      totalMs: 2,
      usage: { inputTokens: 1, outputTokens: 2 },
      cost: 0.1,
      stopReason: "tool_use",
      failure: { code: "C", message: "M", requestId: "r" },
      citations: [{ retrievedReferences: [{ content: { text: "x" } }] }],
    },
  });
  return {
    ...newConversation("x", at, [column]),
    title: "T",
    tools: [{ name: "f", description: "", schema: "{}", mock: "", automatic: true }],
    toolChoice: "tool:f",
    knowledge: { id: "KB", results: 3, search: "HYBRID" },
    revision: 4,
  };
}

test("what was exported is imported, under an ID of its own", () => {
  const text = exportText([conversation()]);
  expect(importText(text, () => "new")).toEqual([{ ...conversation(), id: "new", revision: 0 }]);
});

type Loose = { [key: string]: unknown };
const edited = (edit: (file: { conversations: Loose[] } & Loose, first: Loose, column: Loose) => void): string => {
  const file = JSON.parse(exportText([conversation()])) as { conversations: Loose[] } & Loose;
  const first = file.conversations[0] as Loose;
  edit(file, first, (first.columns as Loose[])[0] as Loose);
  return JSON.stringify(file);
};
const messageOf = (column: Loose, id: string) => (column.messages as { [id: string]: Loose })[id] as Loose;

test.each([
  ["no JSON", "{", "The file is no JSON."],
  ["another format", '{"format":"x"}', "The file is none that the playground has exported."],
  ["another version", edited((file) => (file.version = 2)), "The file has version 2, and 1 is known here."],
  ["an unknown member", edited((_, first) => (first.extra = 1)), 'conversations[0] has an unknown member "extra".'],
  ["a secret", edited((file) => (file.secretAccessKey = "x")), 'The file has an unknown member "secretAccessKey".'],
  ["a missing member", edited((_, first) => delete first.system), 'conversations[0] lacks "system".'],
  ["a wrong type", edited((_, first) => (first.title = 1)), "conversations[0].title is no text."],
  ["no column", edited((_, first) => (first.columns = [])), "conversations[0].columns is empty."],
  [
    "four columns",
    edited((_, first) => (first.columns = [1, 2, 3, 4])),
    "conversations[0].columns has more than 3 members.",
  ],
  [
    "a wrong number",
    edited((_, __, column) => ((column.settings as Loose).temperature = 2)),
    "conversations[0].columns[0].settings.temperature is not between 0 and 1.",
  ],
  [
    "an unknown part",
    edited((_, __, column) => (messageOf(column, "q").content = [{ video: {} }])),
    "conversations[0].columns[0].messages.q.content[0] has not one of text, image, document, toolUse, toolResult, reasoningContent.",
  ],
  [
    "an image that is none",
    edited((_, __, column) => (messageOf(column, "q").content = [{ image: { format: "svg", source: { bytes: "" } } }])),
    "conversations[0].columns[0].messages.q.content[0].image.format is none of png, jpeg, gif, webp.",
  ],
  [
    "an address for bytes",
    edited(
      (_, __, column) =>
        (messageOf(column, "q").content = [{ image: { format: "png", source: { bytes: "https://x" } } }]),
    ),
    "conversations[0].columns[0].messages.q.content[0].image.source.bytes is no base64.",
  ],
  ["a circle", edited((_, __, column) => (messageOf(column, "q").parent = "a")), undefined],
  [
    "a message without the one before it",
    edited((_, __, column) => (messageOf(column, "a").parent = "z")),
    "conversations[0].columns[0].messages.a does not follow the message before it.",
  ],
  [
    "a choice of what is elsewhere",
    edited((_, __, column) => (column.chosen = { "": "a" })),
    "conversations[0].columns[0].chosen names a message that is elsewhere.",
  ],
])("a file with %s is refused", (_, text, message) => {
  const read = () => importText(text, () => "new");
  expect(read).toThrow(Malformed);
  if (message) expect(read).toThrow(message);
});

test("a prototype is no member", () => {
  const text = exportText([conversation()]).replace('"chosen": {', '"chosen": {"__proto__": "q",');
  expect(() => importText(text, () => "new")).toThrow('has a member "__proto__"');
});

test("JSON that is nested without end is refused", () => {
  const deep = `${'{"a":'.repeat(200)}1${"}".repeat(200)}`;
  const text = exportText([conversation()]).replace('"input": {', `"input": {"deep": ${deep},`);
  expect(() => importText(text, () => "new")).toThrow("nested too deep");
});

test("what is read from the browser is checked as well", () => {
  expect(readConversation(conversation())).toEqual(conversation());
  expect(() => readConversation({ id: "x" })).toThrow(Malformed);
});
