import "./blob.testing";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { ConverseStreamInput, ConverseStreamOutputEvent } from "@/api/bedrock-runtime.gen";
import type { CatalogModel } from "@/api/outcrop.gen";
import { ServiceError } from "@/client";
import { renderPage, type Answers } from "@/test/render";
import { Playground } from ".";
import { MemoryHistory } from "./history";

type Event = ConverseStreamOutputEvent;

const model = (id: string, change: Partial<CatalogModel> = {}): Partial<CatalogModel> => ({
  id,
  arn: `arn:aws:bedrock:us-east-1::foundation-model/${id}`,
  name: `Model ${id}`,
  provider: "P",
  family: "F",
  kind: "text",
  outputModalities: ["TEXT"],
  lifecycle: "ACTIVE",
  maxOutputTokens: 1000,
  inferenceTypes: ["ON_DEMAND"],
  inferenceProfiles: [],
  servedBy: { backend: "local", model: "smol", standIn: false, local: true, available: true, why: "", others: 0 },
  unserved: "",
  prices: [
    { what: "input", usd: "1000", unit: "1M tokens", aboveTokens: 0, own: false },
    { what: "output", usd: "2000", unit: "1M tokens", aboveTokens: 0, own: false },
  ],
  profilePrices: {},
  ...change,
});

const text = (...pieces: string[]): Event[] => [
  ...pieces.map((piece): Event => ({ contentBlockDelta: { contentBlockIndex: 0, delta: { text: piece } } })),
  { messageStop: { stopReason: "end_turn" } },
  { metadata: { metrics: { latencyMs: 1 }, usage: { inputTokens: 10, outputTokens: 20, totalTokens: 30 } } },
];

const standIn = { backend: "local", model: "smol", standIn: true, local: true, available: true, why: "", others: 0 };
const catalog = { region: "us-east-1", models: [model("a"), model("b", { servedBy: standIn })] };

function start(answers: Answers, path = "/playground") {
  const history = new MemoryHistory();
  const rendered = renderPage(
    <Playground history={history} kept />,
    {
      "GET catalog": catalog,
      "GET model-access": { mode: "auto", models: [] },
      ListKnowledgeBases: { knowledgeBaseSummaries: [] },
      ...answers,
    },
    { path },
  );
  return { ...rendered, history, user: userEvent.setup() };
}

async function say(user: ReturnType<typeof userEvent.setup>, words: string) {
  const box = await screen.findByRole("textbox", { name: "Message" });
  await waitFor(() => expect(screen.queryByText("Choose a model to begin.")).toBeNull());
  await user.click(box);
  await user.paste(words);
  await user.keyboard("{Enter}");
}

test("a message is answered, with its numbers, and kept", async () => {
  const { client, user, history } = start({ ConverseStream: text("The **sky** is ", "<b>blue</b>.") });
  await say(user, "Why? <i>x</i>");
  expect(await screen.findByText("10 tokens in, 20 out")).toBeVisible();
  expect(screen.getByText("$0.05")).toBeVisible();
  expect(screen.getByText("sky").closest("strong")).toBeVisible();
  expect(screen.getByText("Why? <i>x</i>")).toBeVisible();
  expect(screen.getByText(/<b>/)).toBeVisible();
  expect(client.inputs("ConverseStream")).toEqual([
    { modelId: "a", messages: [{ role: "user", content: [{ text: "Why? <i>x</i>" }] }] },
  ]);
  await waitFor(async () => expect(await history.list()).toMatchObject([{ title: "Why? <i>x</i>", models: ["a"] }]));
  expect(screen.getByRole("textbox", { name: "Message" })).toHaveValue("");
});

test("an address names the models, and a stand-in says what it is", async () => {
  const { client, user } = start(
    { ConverseStream: ({ modelId }: ConverseStreamInput) => text(`I am ${modelId}`) },
    "/playground?model=a&model=b",
  );
  expect(await screen.findByText("Stand-in: local/smol")).toBeVisible();
  await say(user, "Who?");
  expect(await screen.findByText("I am a")).toBeVisible();
  expect(await screen.findByText("I am b")).toBeVisible();
  expect(client.inputs("ConverseStream").map((input) => input.modelId)).toEqual(["a", "b"]);
  await user.click(screen.getByRole("button", { name: "Remove Model b" }));
  expect(screen.queryByText("I am b")).toBeNull();
});

test("an address may name a profile, which is what is called", async () => {
  const profiled = { models: [model("a", { inferenceTypes: ["INFERENCE_PROFILE"], inferenceProfiles: ["us.a"] })] };
  const { client, user } = start({ "GET catalog": profiled, ConverseStream: text("Yes") }, "/playground?model=us.a");
  await say(user, "Hi");
  await screen.findByText("Yes");
  expect(client.inputs("ConverseStream")[0]?.modelId).toBe("us.a");
});

test("an error in the middle keeps what came, and says the request", async () => {
  let calls = 0;
  const { user } = start({
    ConverseStream: async function* () {
      if (++calls > 1) return yield* text("All of it.");
      yield { contentBlockDelta: { contentBlockIndex: 0, delta: { text: "Half of" } } };
      throw new ServiceError({
        code: "ModelStreamErrorException",
        message: "It broke.",
        requestId: "r-9",
        status: 200,
      });
    },
  });
  await say(user, "Hi");
  expect(await screen.findByText("ModelStreamErrorException")).toBeVisible();
  expect(screen.getByText("Half of")).toBeVisible();
  expect(screen.getByText("Request r-9")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("All of it.")).toBeVisible();
  expect(screen.getByText("2/2")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Previous reply" }));
  expect(screen.getByText("Half of")).toBeVisible();
});

test("thoughts are folded", async () => {
  const { user } = start({
    ConverseStream: [
      { contentBlockDelta: { contentBlockIndex: 0, delta: { reasoningContent: { text: "Hm, hard." } } } },
      { contentBlockDelta: { contentBlockIndex: 1, delta: { text: "42" } } },
      { messageStop: { stopReason: "end_turn" } },
    ],
  });
  await say(user, "Hi");
  expect(await screen.findByText("42")).toBeVisible();
  const thoughts = await screen.findByRole("button", { name: "Thoughts" });
  expect(thoughts).toHaveAttribute("aria-expanded", "false");
  await user.click(thoughts);
  expect(thoughts).toHaveAttribute("aria-expanded", "true");
});

test("somebody answers for a tool", async () => {
  let calls = 0;
  const { client, user } = start({
    ConverseStream: () =>
      ++calls > 1
        ? text("Blue.")
        : [
            {
              contentBlockStart: { contentBlockIndex: 0, start: { toolUse: { toolUseId: "1", name: "get_weather" } } },
            },
            { contentBlockDelta: { contentBlockIndex: 0, delta: { toolUse: { input: '{"city":"Paris"}' } } } },
            { contentBlockStop: { contentBlockIndex: 0 } },
            { messageStop: { stopReason: "tool_use" } },
          ],
  });
  await user.click(await screen.findByRole("button", { name: "Tools" }));
  await user.click(screen.getByRole("button", { name: "Add a tool" }));
  await user.click(screen.getByLabelText("Answer with this by itself"));
  await user.click(screen.getByRole("button", { name: "Save" }));
  await say(user, "Weather?");
  expect(await screen.findByText("Calls the tool get_weather")).toBeVisible();
  const result = await screen.findByLabelText("Result of get_weather");
  await user.clear(result);
  await user.type(result, "rain");
  await user.click(screen.getByRole("button", { name: "Send the result" }));
  expect(await screen.findByText("Blue.")).toBeVisible();
  const [first, second] = client.inputs("ConverseStream") as unknown as ConverseStreamInput[];
  expect(first?.toolConfig?.tools[0]?.toolSpec?.name).toBe("get_weather");
  expect(second?.messages?.at(-1)?.content).toEqual([{ toolResult: { toolUseId: "1", content: [{ text: "rain" }] } }]);
});

test("a message is edited, and the one before is still there", async () => {
  const { user } = start({
    ConverseStream: ({ messages }: ConverseStreamInput) => text(`You said ${messages?.at(-1)?.content[0]?.text}`),
  });
  await say(user, "one");
  await screen.findByText("You said one");
  await user.click(await screen.findByRole("button", { name: "Edit" }));
  const field = screen.getByRole("textbox", { name: "Edit your message" });
  await user.clear(field);
  await user.type(field, "two");
  await user.click(within(screen.getByRole("log")).getByRole("button", { name: "Send" }));
  expect(await screen.findByText("You said two")).toBeVisible();
  await user.click(await screen.findByRole("button", { name: "Previous message" }));
  expect(screen.getByText("You said one")).toBeVisible();
});

test("settings are sent, and left out where they are the model's", async () => {
  const { client, user } = start({ ConverseStream: text("Yes") });
  await user.type(await screen.findByLabelText("System prompt"), "Be brief.");
  const temperature = screen.getByLabelText("Temperature as a number");
  await user.type(temperature, "2");
  expect(screen.getByText("A number from 0 to 1.")).toBeVisible();
  await user.clear(temperature);
  await user.type(temperature, "0.3");
  await user.type(screen.getByLabelText("A stop sequence"), "END{Enter}");
  await say(user, "Hi");
  await screen.findByText("Yes");
  expect(client.inputs("ConverseStream")[0]).toMatchObject({
    system: [{ text: "Be brief." }],
    inferenceConfig: { temperature: 0.3, stopSequences: ["END"] },
  });
});

test("back to the defaults, a model is still called by its profile", async () => {
  const profiled = { models: [model("a", { inferenceTypes: ["INFERENCE_PROFILE"], inferenceProfiles: ["us.a"] })] };
  const { client, user } = start({ "GET catalog": profiled, ConverseStream: text("Yes") });
  await user.type(await screen.findByLabelText("Top P as a number"), "0.5");
  await user.click(screen.getByRole("button", { name: "Back to the model's defaults" }));
  await say(user, "Hi");
  await screen.findByText("Yes");
  expect(client.inputs("ConverseStream")).toEqual([
    { modelId: "us.a", messages: [{ role: "user", content: [{ text: "Hi" }] }] },
  ]);
});

test("a knowledge base answers, with its sources", async () => {
  const { client, user } = start(
    {
      RetrieveAndGenerateStream: [
        { output: { text: "It is blue." } },
        {
          citation: {
            generatedResponsePart: { textResponsePart: { text: "It is blue." } },
            retrievedReferences: [
              {
                content: { text: "The sky is blue." },
                location: { type: "S3", s3Location: { uri: "s3://b/sky.txt" } },
              },
            ],
          },
        },
      ],
    },
    "/playground?knowledgeBase=KB1",
  );
  await say(user, "Colour?");
  expect(await screen.findByText("It is blue. [1]")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "1 source" }));
  expect(screen.getByText("s3://b/sky.txt")).toBeVisible();
  expect(client.inputs("RetrieveAndGenerateStream")[0]).toMatchObject({
    input: { text: "Colour?" },
    retrieveAndGenerateConfiguration: { knowledgeBaseConfiguration: { knowledgeBaseId: "KB1", modelArn: "a" } },
  });
});

test("files of the wrong kind cannot be sent, and others can", async () => {
  const { client, user, container } = start({ ...reading, ConverseStream: text("Nice") });
  const box = await screen.findByRole("textbox", { name: "Message" });
  await waitFor(() => expect(screen.queryByText("Choose a model to begin.")).toBeNull());
  const input = container.querySelector<HTMLInputElement>('input[type="file"]');
  if (!input) throw new Error("no file can be chosen");
  await userEvent.setup({ applyAccept: false }).upload(input, new File(["x"], "virus.exe"));
  expect(await screen.findByText("Remove the files that cannot be sent.")).toBeVisible();
  await user.click(box);
  await user.keyboard("Look{Enter}");
  expect(client.inputs("ConverseStream")).toEqual([]);
  await user.click(screen.getByRole("button", { name: "Remove virus.exe" }));
  await user.upload(input, new File(["hello"], "notes.txt"));
  await screen.findByText("notes.txt");
  await user.click(box);
  await user.keyboard("{Enter}");
  await screen.findByText("Nice");
  const [sent] = client.inputs("ConverseStream") as unknown as ConverseStreamInput[];
  expect(sent?.messages?.[0]?.content).toEqual([
    { document: { format: "txt", name: "notes", source: { bytes: "aGVsbG8=" } } },
    { text: "Look" },
  ]);
});

async function paste(user: ReturnType<typeof userEvent.setup>, words: string) {
  await user.click(await screen.findByRole("textbox", { name: "Message" }));
  await user.paste(words);
}

const reading = { "GET catalog/a": { name: "Model a", supports: { documents: true } } };

test("a huge paste is attached, read, and put back or sent with words", async () => {
  const { client, user } = start({ ...reading, ConverseStream: text("Nice") });
  await waitFor(() => expect(screen.queryByText("Choose a model to begin.")).toBeNull());
  const large = "one line of many\n".repeat(4000);
  await paste(user, large);
  expect(screen.getByRole("textbox", { name: "Message" })).toHaveValue("");
  expect(await screen.findByText(/none goes without words/)).toBeVisible();
  expect(screen.getByRole("button", { name: "Send" })).toBeDisabled();
  await user.click(screen.getByRole("button", { name: "Open Pasted text.txt" }));
  const dialog = await screen.findByRole("dialog", { name: "Pasted text.txt" });
  expect(within(dialog).getByText(/^68,000 characters/)).toBeVisible();
  await user.click(within(dialog).getByRole("button", { name: "Put back as text" }));
  expect(screen.getByRole("textbox", { name: "Message" })).toHaveValue(large);
  expect(screen.queryByRole("button", { name: "Open Pasted text.txt" })).toBeNull();
  await user.clear(screen.getByRole("textbox", { name: "Message" }));

  await paste(user, "x".repeat(60_000));
  await user.click(await screen.findByRole("button", { name: "Open Pasted text.txt" }));
  const second = await screen.findByRole("dialog", { name: "Pasted text.txt" });
  expect(within(second).getByRole("button", { name: /Put back as text/ })).toHaveAttribute("aria-disabled", "true");
  await user.click(within(second).getByRole("button", { name: "Remove" }));
  expect(screen.queryByRole("button", { name: "Open Pasted text.txt" })).toBeNull();

  await paste(user, "y".repeat(60_000));
  await screen.findByRole("button", { name: "Open Pasted text.txt" });
  await say(user, "What is it?");
  await screen.findByText("Nice");
  const [sent] = client.inputs("ConverseStream") as unknown as ConverseStreamInput[];
  expect(sent?.messages?.[0]?.content).toMatchObject([
    { document: { format: "txt", name: "Pasted text" } },
    { text: "What is it?" },
  ]);
});

test("a model that reads no documents gets a huge paste as text", async () => {
  const { client, user } = start({
    "GET catalog/a": { name: "Model a", supports: { documents: false } },
    ConverseStream: text("Nice"),
  });
  await waitFor(() => expect(screen.queryByText("Choose a model to begin.")).toBeNull());
  const large = "z".repeat(60_000);
  await paste(user, large);
  expect(await screen.findByText(/sent as text$/)).toBeVisible();
  await paste(user, "z".repeat(150_000));
  await user.click(screen.getByRole("button", { name: "Actions" }));
  await user.click(await screen.findByRole("menuitem", { name: "View API request" }));
  expect(await screen.findByText(/too long to be shown as a program/)).toBeVisible();
  await user.keyboard("{Escape}");
  await user.click(screen.getByRole("button", { name: "Remove Pasted text (2).txt" }));
  await say(user, "What is it?");
  await screen.findByText("Nice");
  const [sent] = client.inputs("ConverseStream") as unknown as ConverseStreamInput[];
  expect(sent?.messages?.[0]?.content).toEqual([{ text: large }, { text: "What is it?" }]);
  expect(screen.getByRole("button", { name: /Show all 60,0\d\d characters/ })).toBeVisible();
});

test("a question to a knowledge base is never longer than it may be", async () => {
  const { user } = start({}, "/playground?knowledgeBase=KB1");
  await waitFor(() => expect(screen.queryByText("Choose a model to begin.")).toBeNull());
  await paste(user, "x".repeat(60_000));
  expect(screen.getByRole("textbox", { name: "Message" })).toHaveValue("");
  await paste(user, "x".repeat(1001));
  const told = "A question to a knowledge base may have 1,000 characters.";
  expect(await screen.findByText(told, { selector: "[role=alert]" })).toBeVisible();
  expect(screen.getByRole("button", { name: "Send" })).toBeDisabled();
});

test("the playground opens on a model that can be used, and says which cannot", async () => {
  const access = {
    mode: "approval",
    models: [
      { id: "a", status: "NOT_AVAILABLE" },
      { id: "b", status: "AVAILABLE" },
    ],
  };
  const { client, user } = start({ "GET model-access": access, ConverseStream: text("Yes") });
  await say(user, "Hi");
  await screen.findByText("Yes");
  expect(client.inputs("ConverseStream")[0]?.modelId).toBe("b");
  await user.click(screen.getByRole("button", { name: /^Model/ }));
  expect(await screen.findByText("Needs access")).toBeInTheDocument();
  await user.click(screen.getByRole("option", { name: /Model a/ }));
  expect(await screen.findByRole("link", { name: "Go to Model access" })).toHaveAttribute(
    "href",
    "/model-access?model=a",
  );
});

test("what a profile costs is what its reply says", async () => {
  const price = (usd: string) => ({ what: "input", usd, unit: "1M tokens", aboveTokens: 0, own: false });
  const dear = model("a", {
    inferenceProfiles: ["us.a"],
    prices: [price("1000")],
    profilePrices: { "us.a": [price("1100")] },
  });
  const { user } = start({ "GET catalog": { models: [dear] }, ConverseStream: text("Yes") }, "/playground?model=us.a");
  await say(user, "Hi");
  expect(await screen.findByText("$0.011")).toBeVisible();
});

test("what was said is opened again from the history", async () => {
  const { user } = start({ ConverseStream: text("Remembered") });
  await say(user, "First talk");
  await screen.findByText("Remembered");
  await user.click(screen.getByRole("button", { name: "New chat" }));
  expect(screen.queryByText("Remembered")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Actions" }));
  await user.click(await screen.findByRole("menuitem", { name: "History" }));
  await user.click(await screen.findByRole("button", { name: "First talk" }));
  expect(await screen.findByText("Remembered")).toBeVisible();
});

test("a file that is none of the playground's is refused", async () => {
  const chosen = vi.spyOn(await import("./download"), "choose");
  chosen.mockResolvedValue(new File(['{"a":1}'], "x.json"));
  const { user } = start({});
  await user.click(await screen.findByRole("button", { name: "Actions" }));
  await user.click(await screen.findByRole("menuitem", { name: "Import" }));
  expect(await screen.findByText("x.json: The file is none that the playground has exported.")).toBeInTheDocument();
});

test("a catalog that one may not see leaves the playground usable", async () => {
  const denied = new ServiceError({ code: "AccessDeniedException", message: "No.", requestId: "r", status: 403 });
  const { client, user } = start(
    { "GET catalog": denied, ConverseStream: text("Yes") },
    "/playground?model=some.model",
  );
  await say(user, "Hi");
  expect(await screen.findByText("Yes")).toBeVisible();
  expect(client.inputs("ConverseStream")[0]?.modelId).toBe("some.model");
  expect(await screen.findByText("no price known")).toBeVisible();
});
