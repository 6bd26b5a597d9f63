import { expect, test, vi } from "vitest";
import type { ConverseStreamOutputEvent } from "@/api/bedrock-runtime.gen";
import { ServiceError } from "@/client";
import { FakeClient, type Answers } from "@/test/render";
import { newColumn, newConversation, path, siblings, textOf, type Conversation, type Message } from "./conversation";
import { Engine, mostRounds, resultOf, waiting } from "./engine";

type Event = ConverseStreamOutputEvent;

const delta = (text: string): Event => ({ contentBlockDelta: { contentBlockIndex: 0, delta: { text } } });
const stop = (stopReason = "end_turn"): Event => ({ messageStop: { stopReason: stopReason as "end_turn" } });
const use: Event = {
  metadata: { metrics: { latencyMs: 1 }, usage: { inputTokens: 10, outputTokens: 20, totalTokens: 30 } },
};
const text = (...pieces: string[]): Event[] => [...pieces.map(delta), stop(), use];
const call = (name: string, input: string, id = "call-1"): Event[] => [
  { contentBlockStart: { contentBlockIndex: 0, start: { toolUse: { toolUseId: id, name } } } },
  { contentBlockDelta: { contentBlockIndex: 0, delta: { toolUse: { input } } } },
  { contentBlockStop: { contentBlockIndex: 0 } },
  stop("tool_use"),
  use,
];

function start(answers: Answers, change: Partial<Conversation> = {}, models = ["m"]) {
  const client = new FakeClient(answers);
  let ids = 0;
  let time = 0;
  const changed = vi.fn();
  const engine = new Engine(
    {
      client,
      prices: () => [
        { what: "input", usd: "1", unit: "1M tokens", aboveTokens: 0, own: false },
        { what: "output", usd: "2", unit: "1M tokens", aboveTokens: 0, own: false },
      ],
      newId: () => `id${++ids}`,
      now: () => new Date("2026-01-02T03:04:05Z"),
      clock: () => (time += 100),
      schedule: queueMicrotask,
      changed,
    },
    {
      ...newConversation(
        "x",
        "2026-01-02T03:04:05Z",
        models.map((model, i) => newColumn(`c${i}`, model)),
      ),
      ...change,
    },
  );
  const column = (i = 0) => {
    const found = engine.conversation().columns[i];
    if (!found) throw new Error("no such column");
    return found;
  };
  const shown = (i = 0) => path(column(i)).map((m) => textOf(m.content));
  const idle = () => vi.waitFor(() => expect(engine.lives().size).toBe(0));
  const last = (i = 0): Message => {
    const found = path(column(i)).at(-1);
    if (!found) throw new Error("nothing was said");
    return found;
  };
  return { client, engine, column, shown, idle, last, changed };
}

test("a reply comes with its numbers and its cost", async () => {
  const t = start({ ConverseStream: text("Hel", "lo") });
  t.engine.send([{ text: "Hi there" }]);
  expect(t.engine.lives().size).toBe(1);
  await t.idle();
  expect(t.shown()).toEqual(["Hi there", "Hello"]);
  expect(t.last().reply).toMatchObject({
    model: "m",
    requestId: "request",
    stopReason: "end_turn",
    usage: { inputTokens: 10, outputTokens: 20 },
  });
  expect(t.last().reply?.cost).toBeCloseTo(50e-6, 12);
  expect(t.last().reply?.firstMs).toBeLessThan(t.last().reply?.totalMs ?? 0);
  expect(t.engine.conversation().title).toBe("Hi there");
  expect(t.changed).toHaveBeenCalled();
});

test("what came before an error stays, and one tries again beside it", async () => {
  let calls = 0;
  const t = start({
    ConverseStream: () => (++calls === 1 ? broken() : text("Whole")),
  });
  async function* broken(): AsyncGenerator<Event> {
    yield delta("Half of it");
    throw new ServiceError({ code: "ModelStreamErrorException", message: "It broke.", requestId: "r-7", status: 200 });
  }
  t.engine.send([{ text: "Hi" }]);
  await t.idle();
  expect(t.shown()).toEqual(["Hi", "Half of it"]);
  expect(t.last().reply?.failure).toEqual({
    code: "ModelStreamErrorException",
    message: "It broke.",
    requestId: "r-7",
  });
  t.engine.regenerate("c0", t.last());
  await t.idle();
  expect(t.shown()).toEqual(["Hi", "Whole"]);
  expect(siblings(t.column(), t.last())).toHaveLength(2);
  expect(t.client.inputs("ConverseStream")[1]?.messages).toEqual([{ role: "user", content: [{ text: "Hi" }] }]);
});

test("an answer that ends too early is an error", async () => {
  const t = start({ ConverseStream: [delta("Half")] });
  t.engine.send([{ text: "Hi" }]);
  await t.idle();
  expect(t.last().reply?.failure?.code).toBe("BrokenStream");
  expect(t.shown()[1]).toBe("Half");
});

test("stopping keeps what has come", async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const t = start({
    ConverseStream: async function* (): AsyncGenerator<Event> {
      yield delta("One ");
      await held;
      yield delta("two");
      yield stop();
    },
  });
  t.engine.send([{ text: "Hi" }]);
  await vi.waitFor(() => expect(t.engine.lives().get("c0")?.snapshot().parts).toHaveLength(1));
  t.engine.stop();
  release();
  await t.idle();
  expect(t.shown()).toEqual(["Hi", "One "]);
  expect(t.last().reply).toMatchObject({ stopped: true });
  expect(t.last().reply?.failure).toBeUndefined();
});

test("editing branches, in all models that got the message", async () => {
  const t = start({ ConverseStream: ({ modelId }: { modelId: string }) => text(`I am ${modelId}`) }, {}, ["m", "n"]);
  t.engine.send([{ text: "One" }]);
  await t.idle();
  t.engine.send([{ text: "Two" }]);
  await t.idle();
  const first = path(t.column())[0];
  if (!first) throw new Error("nothing was said");
  t.engine.edit(first, [{ text: "Uno" }]);
  await t.idle();
  expect(t.shown(0)).toEqual(["Uno", "I am m"]);
  expect(t.shown(1)).toEqual(["Uno", "I am n"]);
  t.engine.choose("c0", first);
  expect(t.shown(0)).toEqual(["One", "I am m", "Two", "I am m"]);
  expect(t.shown(1)).toEqual(["Uno", "I am n"]);
});

test("a model to compare with is asked as the first one, by its own name", () => {
  const t = start({});
  t.engine.changeColumn("c0", { settings: { calledAs: "us.m", temperature: 0.5, stopSequences: [], additional: "" } });
  t.engine.addColumn("n");
  expect(t.column(1)).toMatchObject({ model: "n", settings: { temperature: 0.5 } });
  expect(t.column(1).settings.calledAs).toBeUndefined();
});

test("a single prompt knows nothing of the one before", async () => {
  const t = start({ ConverseStream: text("Yes") }, { mode: "single" });
  t.engine.send([{ text: "One" }]);
  await t.idle();
  t.engine.send([{ text: "Two" }]);
  await t.idle();
  expect(t.shown()).toEqual(["Two", "Yes"]);
  expect(t.client.inputs("ConverseStream")[1]?.messages).toHaveLength(1);
});

const weather = {
  name: "get_weather",
  description: "",
  schema: '{"type":"object"}',
  mock: '{"sky":"blue"}',
  automatic: true,
};

test("a tool that answers by itself keeps the model going", async () => {
  let calls = 0;
  const t = start(
    { ConverseStream: () => (++calls === 1 ? call("get_weather", '{"city":"Paris"}') : text("Blue.")) },
    { tools: [weather] },
  );
  t.engine.send([{ text: "Weather?" }]);
  await vi.waitFor(() => expect(t.shown()).toHaveLength(4));
  await t.idle();
  expect(t.shown()[3]).toBe("Blue.");
  const messages = t.client.inputs("ConverseStream")[1]?.messages;
  expect(messages).toEqual([
    { role: "user", content: [{ text: "Weather?" }] },
    {
      role: "assistant",
      content: [{ toolUse: { toolUseId: "call-1", name: "get_weather", input: { city: "Paris" } } }],
    },
    { role: "user", content: [{ toolResult: { toolUseId: "call-1", content: [{ json: { sky: "blue" } }] } }] },
  ]);
});

test("tools that call each other for ever come to an end", async () => {
  const t = start({ ConverseStream: () => call("get_weather", "{}") }, { tools: [weather] });
  t.engine.send([{ text: "Weather?" }]);
  await vi.waitFor(() => expect(t.client.inputs("ConverseStream")).toHaveLength(mostRounds + 1));
  await t.idle();
  expect(waiting(t.engine.conversation(), t.column())).toHaveLength(1);
});

test("a tool that does not answer by itself waits for somebody", async () => {
  let calls = 0;
  const t = start(
    { ConverseStream: () => (++calls === 1 ? call("get_weather", "{}") : text("Bad.")) },
    { tools: [{ ...weather, automatic: false }] },
  );
  t.engine.send([{ text: "Weather?" }]);
  await t.idle();
  expect(waiting(t.engine.conversation(), t.column())).toMatchObject([{ toolUseId: "call-1", name: "get_weather" }]);
  t.engine.answer("c0", [resultOf("call-1", "no line", "error")]);
  await t.idle();
  expect(t.shown()[3]).toBe("Bad.");
});

test("a call that did not come whole is none", async () => {
  const t = start({ ConverseStream: call("get_weather", '{"city":') }, { tools: [weather] });
  t.engine.send([{ text: "Weather?" }]);
  await t.idle();
  expect(t.last().content).toEqual([]);
});

test("a knowledge base answers with its sources, and goes on in its session", async () => {
  const t = start(
    {
      RetrieveAndGenerateStream: [
        { output: { text: "It is " } },
        { output: { text: "blue." } },
        { citation: { retrievedReferences: [{ content: { text: "The sky is blue." } }] } },
      ],
    },
    { knowledge: { id: "KB", results: 5, search: "DEFAULT" } },
  );
  t.engine.send([{ text: "Colour?" }]);
  await t.idle();
  expect(t.shown()).toEqual(["Colour?", "It is blue."]);
  expect(t.last().reply).toMatchObject({
    knowledgeBase: "KB",
    citations: [{ retrievedReferences: [{ content: { text: "The sky is blue." } }] }],
  });
});

test.each([
  ['{"a":1}', [{ json: { a: 1 } }]],
  ["[1]", [{ text: "[1]" }]],
  ["plain", [{ text: "plain" }]],
])("the result %j of a tool", (given, content) => {
  expect(resultOf("1", given, "success")).toEqual({ toolUseId: "1", content });
});
