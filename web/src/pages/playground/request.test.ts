import { expect, test } from "vitest";
import { newColumn, newConversation, withMessage, type Column, type Conversation, type Message } from "./conversation";
import { converseInput, knowledgeInput, objectOf, toSend } from "./request";

let ids = 0;
const said = (role: Message["role"], content: Message["content"], more: Partial<Message> = {}): Message => ({
  id: `m${++ids}`,
  parent: "",
  turn: "t",
  role,
  content,
  at: "2026-01-02T03:04:05Z",
  ...more,
});
const user = (text: string) => said("user", [{ text }]);
const reply = (content: Message["content"], more = {}) =>
  said("assistant", content, { reply: { model: "m", requestId: "", ...more } });

const talk = (change: Partial<Conversation> = {}, settings: Partial<Column["settings"]> = {}) => {
  const column = { ...newColumn("c", "m"), settings: { stopSequences: [], additional: "", ...settings } };
  return { column, conversation: { ...newConversation("x", "2026-01-02T03:04:05Z", [column]), ...change } };
};

test("only what was set is sent", () => {
  const { conversation, column } = talk();
  expect(converseInput(conversation, column, [user("Hi")])).toEqual({
    modelId: "m",
    messages: [{ role: "user", content: [{ text: "Hi" }] }],
  });
});

test("all settings are sent", () => {
  const { conversation, column } = talk(
    { system: "Be brief." },
    { calledAs: "us.m", maxTokens: 10, temperature: 0, topP: 0.5, stopSequences: ["\n"], additional: '{"top_k": 3}' },
  );
  expect(converseInput(conversation, column, [user("Hi")])).toMatchObject({
    modelId: "us.m",
    system: [{ text: "Be brief." }],
    inferenceConfig: { maxTokens: 10, temperature: 0, topP: 0.5, stopSequences: ["\n"] },
    additionalModelRequestFields: { top_k: 3 },
  });
});

test("messages take turns although replies failed", () => {
  const sent = toSend([user("One"), reply([]), user("Two"), reply([{ text: "  " }]), user("Three")], "m");
  expect(sent).toEqual([{ role: "user", content: [{ text: "One" }, { text: "Two" }, { text: "Three" }] }]);
});

test("a call of a tool that nobody answered gets a result", () => {
  const call = { toolUse: { toolUseId: "1", name: "f", input: {} } };
  const sent = toSend([user("One"), reply([call]), user("Never mind")], "m");
  expect(sent[2]?.content).toEqual([
    { toolResult: { toolUseId: "1", status: "error", content: [{ text: "The tool was not called." }] } },
    { text: "Never mind" },
  ]);
});

test("thoughts go back with calls of tools, to the model that signed them", () => {
  const thought = { reasoningContent: { reasoningText: { text: "Hm", signature: "s" } } };
  const unsigned = { reasoningContent: { reasoningText: { text: "Hm" } } };
  const call = { toolUse: { toolUseId: "1", name: "f", input: {} } };
  const answer = said("user", [{ toolResult: { toolUseId: "1", content: [{ text: "4" }] } }]);
  const sentOf = (content: Message["content"], model = "m") => toSend([user("One"), reply(content), answer], model)[1];
  expect(sentOf([thought, call])?.content).toEqual([thought, call]);
  expect(sentOf([thought, call], "other")?.content).toEqual([call]);
  expect(sentOf([unsigned, call])?.content).toEqual([call]);
  expect(sentOf([thought, { text: "So" }])?.content).toEqual([{ text: "So" }]);
});

test("a tool is forced until it has answered", () => {
  const tool = { name: "f", description: "", schema: '{"type":"object"}', mock: "", automatic: false };
  const { conversation, column } = talk({ tools: [tool], toolChoice: "tool:f" });
  const answer = said("user", [{ toolResult: { toolUseId: "1", content: [{ text: "4" }] } }]);
  expect(converseInput(conversation, column, [user("Hi")]).toolConfig).toEqual({
    tools: [{ toolSpec: { name: "f", inputSchema: { json: { type: "object" } } } }],
    toolChoice: { tool: { name: "f" } },
  });
  expect(converseInput(conversation, column, [answer]).toolConfig?.toolChoice).toBeUndefined();
});

test("a knowledge base goes on in its session, and begins a new one where the conversation branches", () => {
  const { conversation, column } = talk({ knowledge: { id: "KB", results: 7, search: "HYBRID" } }, { maxTokens: 9 });
  const first = user("One");
  const answered = { ...reply([{ text: "1" }], { knowledgeBase: "KB", sessionId: "s" }), parent: first.id };
  const second = { ...user("Two"), parent: answered.id };
  const line = [first, answered, second].reduce(withMessage, column);
  const input = knowledgeInput(conversation, line, [first, answered, second]);
  expect(input.sessionId).toBe("s");
  expect(input.input.text).toBe("Two");
  expect(input.retrieveAndGenerateConfiguration?.knowledgeBaseConfiguration).toEqual({
    knowledgeBaseId: "KB",
    modelArn: "m",
    retrievalConfiguration: { vectorSearchConfiguration: { numberOfResults: 7, overrideSearchType: "HYBRID" } },
    generationConfiguration: { inferenceConfig: { textInferenceConfig: { maxTokens: 9 } } },
  });
  const other = { ...user("Two again"), parent: answered.id };
  expect(knowledgeInput(conversation, withMessage(line, other), [first, answered, other]).sessionId).toBeUndefined();
});

test.each([
  ["", undefined],
  ["{", undefined],
  ["[1]", undefined],
  ['{"a":1}', { a: 1 }],
])("the object of %j", (text, want) => {
  expect(objectOf(text)).toEqual(want);
});
