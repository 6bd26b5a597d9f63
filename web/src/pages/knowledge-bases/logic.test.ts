import { describe, expect, test } from "vitest";
import type { RetrieveAndGenerateStreamResponseOutput } from "@/api/bedrock-agent-runtime.gen";
import { markOf } from "@/components";
import { locate, marked, noAnswer, passageOf, pieces, withEvent } from "./answer";
import { chunkingProblems, describeChunking, flag, ingestion, type Chunking } from "./chunking";
import { python } from "./code";
import { folderCommand } from "./command";
import { filterOf, valueOf } from "./filter";
import { parseReason, progress, summary } from "./jobs";
import { generateInput, noOptions, problemsOf, retrieveInput } from "./question";

const reference = (chunk: string, page?: number) => ({
  content: { text: `text of ${chunk}` },
  location: { type: "S3" as const, s3Location: { uri: "s3://docs/a.pdf" } },
  metadata: {
    year: 2026,
    "x-amz-bedrock-kb-chunk-id": chunk,
    ...(page === undefined ? {} : { "x-amz-bedrock-kb-document-page-number": page }),
  },
});

test("a passage knows its file, its page and its owner's metadata", () => {
  expect(passageOf({ ...reference("c1", 2), score: 0.5 })).toEqual({
    id: "c1",
    text: "text of c1",
    uri: "s3://docs/a.pdf",
    page: 3,
    score: 0.5,
    dataSourceId: undefined,
    attributes: { year: 2026 },
  });
});

describe("an answer", () => {
  const cite = (start: number, end: number, text: string, ...chunks: string[]) => {
    const citation = {
      generatedResponsePart: { textResponsePart: { span: { start, end }, text } },
      retrievedReferences: chunks.map((c) => reference(c)),
    };
    return { citation: { ...citation, citation } } as RetrieveAndGenerateStreamResponseOutput;
  };
  const of = (...events: RetrieveAndGenerateStreamResponseOutput[]) => events.reduce(withEvent, noAnswer);

  test("has marks behind its parts, counted in code points", () => {
    const answer = of(
      { output: { text: "\u{1f600} one. Two" } },
      { output: { text: "." } },
      cite(0, 5, "\u{1f600} one.", "a", "b"),
      cite(7, 10, "Two.", "b"),
    );
    expect(marked(answer)).toBe(`\u{1f600} one.${markOf(0)} Two.${markOf(1)}`);
    expect(answer.passages.map((p) => p.id)).toEqual(["a", "b"]);
    expect(answer.parts.map((p) => p.passages)).toEqual([[0, 1], [1]]);
  });

  test("has its mark before the line breaks that end a part", () => {
    expect(marked(of({ output: { text: "One.\n\nTwo." } }, cite(0, 5, "One.\n\n", "a")))).toBe(
      `One.${markOf(0)}\n\nTwo.`,
    );
  });

  test("cannot set marks itself, and survives positions beyond its end", () => {
    const answer = of({ output: { text: markOf(0) } }, cite(0, 99, "x", "a"), cite(0, 1, "x"));
    expect(marked(answer)).toBe(`[0]${markOf(0)}`);
  });
});

test("what a passage is cited for is told apart from the rest", () => {
  const text = "Hotels cost 140 euros. Gold members get a refund within 45 days. Shipping is never refunded.";
  const strong = (said: string) => pieces(text, said).flatMap((p) => (p.strong ? [p.text.trim()] : []));
  expect(strong("The refund of Gold members is within 45 days.")).toEqual([
    "Gold members get a refund within 45 days.",
  ]);
  expect(strong("Nothing of that")).toEqual([]);
  expect(
    pieces(text, "refund")
      .map((p) => p.text)
      .join(""),
  ).toBe(text);
});

test("a passage is found in its document whatever the white space", () => {
  const document = "# Title\n\nFirst  line (a+b)\nsecond line.\n\nEnd.";
  const place = locate(document, "First line (a+b) second line.");
  expect(document.slice(place?.start, place?.end)).toBe("First  line (a+b)\nsecond line.");
  expect(locate(document, "Something else")).toBeUndefined();
  expect(locate(document, " ")).toBeUndefined();
});

describe("chunking", () => {
  const of = (strategy: Chunking["strategy"], numbers = {}) => ({ strategy, numbers });

  test("says what it is, to the service, the command line and people", () => {
    expect(ingestion(of("DEFAULT"))).toBeUndefined();
    expect(flag(of("DEFAULT"))).toBeUndefined();
    const fixed = of("FIXED_SIZE", { tokens: "512" });
    expect(ingestion(fixed)).toEqual({
      chunkingConfiguration: {
        chunkingStrategy: "FIXED_SIZE",
        fixedSizeChunkingConfiguration: { maxTokens: 512, overlapPercentage: 20 },
      },
    });
    expect(flag(fixed)).toBe("fixed:512,20");
    expect(flag(of("NONE"))).toBe("none");
    expect(describeChunking(ingestion(fixed))).toBe("Fixed size, 512 tokens, 20 % overlap");
    expect(describeChunking(ingestion(of("HIERARCHICAL")))).toBe("Hierarchical, 1500 and 300 tokens, 60 overlap");
    expect(describeChunking(undefined)).toBe("Default");
  });

  test.each([
    ["FIXED_SIZE", { tokens: "0" }, "tokens"],
    ["FIXED_SIZE", { overlap: "100" }, "overlap"],
    ["FIXED_SIZE", { tokens: "1.5" }, "tokens"],
    ["FIXED_SIZE", { tokens: "" }, "tokens"],
    ["SEMANTIC", { buffer: "2" }, "buffer"],
    ["HIERARCHICAL", { parent: "300" }, "child"],
    ["HIERARCHICAL", { overlap: "300" }, "overlap"],
  ] as const)("%s with %j is wrong at %s", (strategy, numbers, at) =>
    expect(Object.keys(chunkingProblems(of(strategy, numbers)))).toEqual([at]),
  );
});

describe("a sync", () => {
  test("says how far it is", () => {
    const statistics = { numberOfDocumentsScanned: 10, numberOfNewDocumentsIndexed: 3, numberOfDocumentsFailed: 1 };
    expect(progress({ status: "IN_PROGRESS", statistics })).toEqual({ done: 4, of: 10 });
    expect(progress({ status: "COMPLETE", statistics })).toEqual({ done: 10, of: 10 });
    expect(progress({ status: "STARTING" })).toEqual({ done: 0, of: 0 });
    expect(summary(statistics)).toBe("10 scanned, 3 new, 1 failed");
  });

  test("names the files that it could not read", () => {
    expect(
      parseReason("Encountered error: Ignored 2 files. It is encrypted. [Files: s3://a/x, y.pdf, s3://a/z.pdf]."),
    ).toEqual({ text: "It is encrypted.", files: ["s3://a/x, y.pdf", "s3://a/z.pdf"] });
    expect(parseReason("Something else")).toEqual({ text: "Something else", files: [] });
  });
});

describe("a filter", () => {
  test.each([
    ["2026", 2026],
    [" -1.5 ", -1.5],
    ["true", true],
    ['"2026"', "2026"],
    ["sales", "sales"],
  ])("%j is %j", (text, want) => expect(valueOf(text)).toBe(want));

  test("joins its conditions", () => {
    const year = { key: "year", operator: "equals", value: "2026" } as const;
    const tags = { key: "tags", operator: "in", value: "a, b" } as const;
    expect(filterOf([], "andAll")).toBeUndefined();
    expect(filterOf([year, { key: "", operator: "equals", value: "x" }], "andAll")).toEqual({
      equals: { key: "year", value: 2026 },
    });
    expect(filterOf([year, tags], "orAll")).toEqual({
      orAll: [{ equals: { key: "year", value: 2026 } }, { in: { key: "tags", value: ["a", "b"] } }],
    });
  });
});

describe("a question", () => {
  test("says only what was set", () => {
    expect(retrieveInput("KB", "q", noOptions, "us-east-1")).toEqual({
      knowledgeBaseId: "KB",
      retrievalQuery: { text: "q" },
      retrievalConfiguration: { vectorSearchConfiguration: {} },
    });
    expect(generateInput("KB", "q", noOptions, { region: "us-east-1", model: "m" })).toEqual({
      input: { text: "q" },
      retrieveAndGenerateConfiguration: {
        type: "KNOWLEDGE_BASE",
        knowledgeBaseConfiguration: {
          knowledgeBaseId: "KB",
          modelArn: "m",
          retrievalConfiguration: { vectorSearchConfiguration: {} },
        },
      },
    });
  });

  test("says all that was set", () => {
    const options = {
      ...noOptions,
      search: "HYBRID" as const,
      results: "3",
      template: "$search_results$",
      temperature: "0",
      maxTokens: "50",
      decompose: true,
      rerank: "cohere.rerank",
    };
    const input = generateInput("KB", "q", options, { region: "eu-west-1", model: "m", session: "s" });
    expect(input.sessionId).toBe("s");
    expect(input.retrieveAndGenerateConfiguration?.knowledgeBaseConfiguration).toMatchObject({
      retrievalConfiguration: {
        vectorSearchConfiguration: {
          numberOfResults: 3,
          overrideSearchType: "HYBRID",
          rerankingConfiguration: {
            bedrockRerankingConfiguration: {
              modelConfiguration: { modelArn: "arn:aws:bedrock:eu-west-1::foundation-model/cohere.rerank" },
            },
          },
        },
      },
      generationConfiguration: {
        promptTemplate: { textPromptTemplate: "$search_results$" },
        inferenceConfig: { textInferenceConfig: { temperature: 0, maxTokens: 50 } },
      },
      orchestrationConfiguration: { queryTransformationConfiguration: { type: "QUERY_DECOMPOSITION" } },
    });
  });

  test("is not asked with what the service would refuse", () => {
    expect(problemsOf({ ...noOptions, results: "101" }, false)).toHaveProperty("results");
    expect(problemsOf({ ...noOptions, template: "no passages" }, true)).toHaveProperty("template");
    expect(problemsOf({ ...noOptions, template: "no passages" }, false)).toEqual({});
    expect(problemsOf({ ...noOptions, temperature: "2", topP: "x", maxTokens: "0" }, true)).toEqual({
      temperature: "0 to 1.",
      topP: "0 to 1.",
      maxTokens: "1 to 65,536.",
    });
  });
});

test("the command for a folder can be pasted as it is", () => {
  const folder = "/srv/Anna's docs";
  expect(folderCommand({ base: "handbook", make: true, folder, watch: true, data: "/var/lib/outcrop" })).toBe(
    "outcrop --data /var/lib/outcrop kb create handbook --from '/srv/Anna'\\''s docs' --watch --sync",
  );
  expect(
    folderCommand({
      base: "handbook",
      make: false,
      folder: "/srv",
      watch: false,
      chunking: "none",
      region: "eu-west-1",
    }),
  ).toBe("outcrop kb add handbook /srv --chunking none --sync --region eu-west-1");
});

test("code for Python is Python", () => {
  expect(python({ a: [true, null, 1, 'x"'], b: undefined, c: {} })).toBe(
    '{\n    "a": [\n        True,\n        None,\n        1,\n        "x\\"",\n    ],\n    "c": {},\n}',
  );
});
