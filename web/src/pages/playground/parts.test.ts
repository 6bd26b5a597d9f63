import "./blob.testing";
import { expect, test } from "vitest";
import type { CatalogModel, Price } from "@/api/outcrop.gen";
import { documentName, fault, faultOfAll, partsOf } from "./attachments";
import { costOf, findModel, speedOf } from "./cost";
import { identifierOf, modelOptions, searched } from "./models";
import { withSources } from "./sources";
import { exampleTool, nameFault, schemaFault } from "./tools";

const price = (what: string, usd: string, aboveTokens = 0): Price => ({
  what,
  usd,
  unit: "1M tokens",
  aboveTokens,
  own: false,
});

test.each([
  [[price("input", "1"), price("output", "2")], { inputTokens: 1e6, outputTokens: 1e6 }, 3],
  [
    [price("input", "1"), price("input", "10", 200_000), price("output", "0")],
    { inputTokens: 200_001, outputTokens: 0 },
    2.00001,
  ],
  [[price("input", "1"), price("input", "10", 200_000)], { inputTokens: 200_000, outputTokens: 0 }, 0.2],
  [
    [price("input", "1"), price("cacheRead", "0.1"), price("cacheWrite", "2")],
    { inputTokens: 0, outputTokens: 0, cacheReadInputTokens: 1e6, cacheWriteInputTokens: 1e6 },
    2.1,
  ],
  [[], { inputTokens: 1, outputTokens: 1 }, undefined],
])("prices %j of %j", (prices, usage, want) => {
  const cost = costOf(prices, usage);
  if (want === undefined) expect(cost).toBeUndefined();
  else expect(cost).toBeCloseTo(want, 9);
});

test("speed is counted from the first piece, or over all where there is only one", () => {
  const usage = { inputTokens: 1, outputTokens: 100 };
  const reply = { model: "m", requestId: "", usage };
  expect(speedOf({ ...reply, firstMs: 1000, totalMs: 3000 })).toBe(50);
  expect(speedOf({ ...reply, firstMs: 1000, totalMs: 1001 })).toBeCloseTo(99.9, 1);
  expect(speedOf({ ...reply, firstMs: 1000 })).toBeUndefined();
});

const model = (id: string, change: Partial<CatalogModel> = {}): CatalogModel => ({
  id,
  arn: `arn:aws:bedrock:us-east-1::foundation-model/${id}`,
  name: id,
  provider: "P",
  family: "F",
  kind: "text",
  inputModalities: ["TEXT"],
  outputModalities: ["TEXT"],
  lifecycle: "ACTIVE",
  endOfLife: null,
  contextWindow: 0,
  maxOutputTokens: 0,
  nativeFormat: "",
  streaming: true,
  inferenceTypes: ["ON_DEMAND"],
  customizations: [],
  inferenceProfiles: [],
  regions: [],
  servedBy: { backend: "local", model: "m", standIn: false, local: true, available: true, why: "", others: 0 },
  unserved: "",
  prices: [],
  profilePrices: {},
  ...change,
});

test("a long prompt costs more in all its tokens, those of the cache too", () => {
  const of = (what: string, usd: string, aboveTokens = 0) => ({
    what,
    usd,
    unit: "1M tokens",
    aboveTokens,
    own: false,
  });
  const prices = [
    of("input", "3"),
    of("output", "15"),
    of("input", "6", 200_000),
    of("output", "22.5", 200_000),
    of("cacheRead", "0.3"),
  ];
  const usage = { inputTokens: 150_000, cacheReadInputTokens: 50_000, outputTokens: 10 };
  // As internal/price says of the same.
  expect(costOf(prices, usage)).toBeCloseTo(0.46515, 9);
  expect(costOf(prices, { ...usage, inputTokens: 150_001 })).toBeCloseTo(0.930231, 9);
});

test("a model is found by its ID, its ARN and its profiles", () => {
  const models = [model("a"), model("b", { inferenceProfiles: ["us.b"] })];
  for (const name of [
    "b",
    "us.b",
    "arn:aws:bedrock:us-east-1::foundation-model/b",
    "arn:aws:x:inference-profile/us.b",
  ]) {
    expect(findModel(models, name)?.id).toBe("b");
  }
  expect(findModel(models, "c")).toBeUndefined();
});

test("a model that is only to be had by a profile is called by it", () => {
  expect(identifierOf(model("a", { inferenceProfiles: ["us.a"] }))).toBe("a");
  expect(identifierOf(model("a", { inferenceTypes: ["INFERENCE_PROFILE"], inferenceProfiles: ["us.a"] }))).toBe("us.a");
});

test("what is served here comes first, stand-ins say so, and what nobody answers for cannot be chosen", () => {
  const standIn = { backend: "local", model: "smol", standIn: true, local: true, available: true, why: "", others: 0 };
  const groups = modelOptions([
    model("none", { servedBy: null, unserved: "no backend" }),
    model("stand", { servedBy: standIn }),
    model("old", { lifecycle: "LEGACY" }),
    model("here"),
    model("embed", { kind: "embedding" }),
  ]);
  expect(groups.map((g) => [g.label, g.options.map((o) => o.value)])).toEqual([
    ["Served here", ["here", "old"]],
    ["Answered by stand-ins", ["stand"]],
    ["Not available", ["none"]],
  ]);
  expect(groups[1]?.options[0]?.tags).toEqual(["Stand-in: local/smol"]);
  expect(groups[2]?.options[0]).toMatchObject({ disabled: true, tags: ["no backend"] });
});

test("a search finds models by words in any order, of names, IDs, profiles and providers", () => {
  const groups = modelOptions([
    model("a", { name: "Claude Sonnet", provider: "Anthropic", inferenceProfiles: ["us.a"] }),
    model("b", { name: "Nova", provider: "Amazon" }),
  ]);
  const found = (search: string) => searched(groups, search).flatMap((g) => g.options.map((o) => o.value));
  expect(found("")).toEqual(["b", "a"]);
  expect(found("sonnet anthropic")).toEqual(["a"]);
  expect(found(" US.A ")).toEqual(["a"]);
  expect(found("sonnet amazon")).toEqual([]);
});

const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);

test.each<[string, BlobPart, string | undefined]>([
  ["a.png", png, undefined],
  ["a.png", "text", "The file is named like an image, but it is none."],
  ["a.txt", "", "The file is empty."],
  ["a.md", "x", undefined],
  ["a.exe", "x", "can be attached."],
  ["noending", "x", "can be attached."],
  ["a.pdf", new Uint8Array(4_500_001), "A document may have 4.5 MB."],
])("a file %s", async (name, content, want) => {
  const got = await fault(new File([content], name));
  if (want === undefined) expect(got).toBeUndefined();
  else expect(got).toContain(want);
});

test("a message may have so many files", () => {
  const files = (n: number, name: string) => Array.from({ length: n }, () => new File(["x"], name));
  expect(faultOfAll([...files(20, "a.png"), ...files(5, "a.txt")])).toBeUndefined();
  expect(faultOfAll(files(21, "a.png"))).toContain("20 images");
  expect(faultOfAll(files(6, "a.txt"))).toContain("5 documents");
});

test("files become parts, images by what they are, and documents with names that differ", async () => {
  const parts = await partsOf([
    new File([png], "photo.JPG"),
    new File(["a"], "n_o.tes.txt"),
    new File(["b"], "n_o.tes.txt"),
  ]);
  expect(parts[0]?.image?.format).toBe("png");
  expect(parts.slice(1).map((part) => part.document?.name)).toEqual(["n o tes", "n o tes (2)"]);
});

test.each([
  ["../../Ünï  códe_&.pdf", "U ni co de"],
  ["☃.pdf", "document"],
  ["a".repeat(400), "a".repeat(190)],
])("the name of %j", (name, want) => {
  const got = documentName(name, new Set());
  expect(got).toMatch(/^[A-Za-z0-9\s\-()[\]]{1,200}$/);
  expect(got).not.toMatch(/\s\s/);
  if (want.length > 10) expect(got).toBe(want);
});

test.each([
  [{ type: "object" }, undefined],
  [{ type: "object", properties: { a: { type: ["string", "null"] } }, required: ["a"] }, undefined],
  [[], "A schema is an object."],
  [{ type: "string" }, 'The input of a tool is an object: "type": "object".'],
  [{ type: "object", properties: { a: { type: "text" } } }, 'The property "a" has an unknown type.'],
  [{ type: "object", properties: { a: 1 } }, 'The property "a" is no schema.'],
  [{ type: "object", required: ["b"] }, '"required" names "b", which is no property.'],
])("the schema %j", (schema, want) => {
  expect(schemaFault(schema)).toBe(want);
});

test("names of tools follow Bedrock's rule and differ", () => {
  const tool = exampleTool([]);
  expect(nameFault(tool.name, [])).toBeUndefined();
  expect(nameFault(tool.name, [tool])).toBe("There is a tool of this name.");
  expect(nameFault("get weather", [])).toContain("letters");
  expect(exampleTool([tool]).name).toBe("get_weather_2");
});

test("sources stand behind what they are for, once each", () => {
  const reference = (uri: string, text: string) => ({
    content: { text },
    location: { type: "S3" as const, s3Location: { uri } },
  });
  const said = (text: string) => ({ textResponsePart: { text, span: { start: 0, end: text.length } } });
  const { text, sources } = withSources("One. Two. Three.", [
    { generatedResponsePart: said("One."), retrievedReferences: [reference("s3://b/1", "eins")] },
    {
      generatedResponsePart: said("Two."),
      retrievedReferences: [reference("s3://b/1", "eins"), reference("s3://b/2", "zwei")],
    },
    { generatedResponsePart: said("Not there"), retrievedReferences: [reference("s3://b/3", "drei")] },
  ]);
  expect(text).toBe("One. [1] Two. [1][2] Three.");
  expect(sources.map((s) => [s.number, s.place, s.text])).toEqual([
    [1, "s3://b/1", "eins"],
    [2, "s3://b/2", "zwei"],
    [3, "s3://b/3", "drei"],
  ]);
});
