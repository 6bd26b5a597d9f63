import { expect, test } from "vitest";
import { converseSamples, knowledgeSamples, python, withFiles } from "./samples";

const caller = { endpoint: "http://127.0.0.1:8484", region: "eu-west-1" };

function codeOf(samples: readonly { label: string; code: string }[], label: string): string {
  const found = samples.find((sample) => sample.label === label);
  if (!found) throw new Error(`no sample in ${label}`);
  return found.code;
}

const request = {
  modelId: "a.model-v1:0",
  messages: [{ role: "user" as const, content: [{ text: 'Say "$HOME" and `id`\nEOF' }] }],
};

test("the languages all have the request", () => {
  const samples = converseSamples(request, caller);
  expect(samples.map((sample) => sample.label)).toEqual(["boto3", "AWS CLI", "curl", "Go"]);
  for (const { code } of samples) {
    expect(code).toContain("http://127.0.0.1:8484");
    expect(code).toContain(String.raw`Say \"$HOME\" and `);
  }
  expect(codeOf(samples, "curl")).toContain("/model/a.model-v1%3A0/converse");
  expect(codeOf(samples, "curl")).not.toContain("modelId");
  expect(codeOf(samples, "boto3")).toContain('modelId="a.model-v1:0"');
  expect(codeOf(samples, "Go")).toContain('config.WithRegion("eu-west-1")');
});

test("attachments are files, and the shell reads nothing else", () => {
  const bytes = "aGVsbG8=";
  const content = [
    { image: { format: "png" as const, source: { bytes } } },
    { document: { format: "txt" as const, name: "it s", source: { bytes } } },
    ...request.messages.flatMap((message) => message.content),
  ];
  const given = { ...request, messages: [{ role: "user" as const, content }] };
  expect(withFiles(given).files).toEqual(["image-1.png", "it s.txt"]);
  const samples = converseSamples(given, caller);
  for (const { code } of samples) expect(code).not.toContain(bytes);
  expect(codeOf(samples, "boto3")).toContain('open("image-1.png", "rb").read()');
  const cli = codeOf(samples, "AWS CLI");
  expect(cli).toContain("$(base64 < 'it s.txt' | tr -d '\\n')");
  expect(cli).toContain("\\$HOME");
  expect(cli).toContain("\\`id\\`");
  expect(codeOf(samples, "Go")).toContain('file("image-1.png")');
});

test("a text is no file, whatever signs it has", () => {
  const content = [
    { document: { format: "txt" as const, name: "a", source: { bytes: "eA==" } } },
    { text: "\uE000secret\uE000 and \uE000\uE000more\uE000\uE000" },
  ];
  const samples = converseSamples({ ...request, messages: [{ role: "user", content }] }, caller);
  const cli = codeOf(samples, "AWS CLI");
  expect(cli.match(/\$\(base64/g)).toHaveLength(1);
  expect(cli).toContain("\uE000secret\uE000 and \uE000\uE000more\uE000\uE000");
});

test("what Go does not take in its source is written by its number", () => {
  const messages = [{ role: "user" as const, content: [{ text: "a\uFEFFb" }] }];
  const code = codeOf(converseSamples({ ...request, messages }, caller), "Go");
  expect(code).toContain(String.raw`"a\ufeffb"`);
});

test("a here-document does not end in the middle", () => {
  // The end stands on a line of its own only where a text is not escaped, which JSON always does.
  const code = codeOf(converseSamples(request, caller), "AWS CLI");
  expect(code.split("\n").filter((line) => line === "EOF")).toHaveLength(1);
});

test.each([
  [null, "None"],
  [true, "True"],
  [{ a: [] }, '{\n    "a": [],\n}'],
  ["\u2028\ud800", '"\\u2028\ufffd"'],
  [1.5, "1.5"],
])("%j in Python", (value, want) => {
  expect(python(value)).toBe(want);
});

test("a knowledge base is asked in all languages", () => {
  const samples = knowledgeSamples(
    {
      input: { text: "Why?" },
      retrieveAndGenerateConfiguration: {
        type: "KNOWLEDGE_BASE",
        knowledgeBaseConfiguration: {
          knowledgeBaseId: "KB1",
          modelArn: "m",
          retrievalConfiguration: { vectorSearchConfiguration: { numberOfResults: 3, overrideSearchType: "HYBRID" } },
        },
      },
    },
    caller,
  );
  for (const { code } of samples) {
    expect(code).toContain("KB1");
    expect(code).toContain("HYBRID");
    expect(code).toContain("Why?");
  }
  expect(codeOf(samples, "Go")).toContain("NumberOfResults: aws.Int32(3)");
});
