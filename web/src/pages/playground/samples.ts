import type { RetrieveAndGenerateStreamInput } from "@/api/bedrock-agent-runtime.gen";
import type { ContentBlock, ConverseStreamInput } from "@/api/bedrock-runtime.gen";
import type { Sample } from "@/components";

/** Where and as whom the samples call. */
export interface Caller {
  endpoint: string;
  region: string;
}

/** A file that a sample reads in place of the bytes that were attached. */
class FromFile {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A request with its attachments as names of files. */
export function withFiles(input: object): { input: object; files: string[] } {
  const files: string[] = [];
  let images = 0;
  const replaced = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replaced);
    if (typeof value !== "object" || value === null) return value;
    const { image, document } = value as ContentBlock;
    const attached = (name: string, block: object) => {
      files.push(name);
      return { ...block, source: { bytes: new FromFile(name) } };
    };
    if (image?.source.bytes !== undefined) {
      return { image: attached(`image-${++images}.${image.format}`, image) };
    }
    if (document?.source.bytes !== undefined) {
      return { document: attached(`${document.name}.${document.format ?? "txt"}`, document) };
    }
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, replaced(v)]));
  };
  return { input: replaced(input) as object, files };
}

/**
 * A text in quotes of JSON, which Python and Go read as well. Surrogates that stand alone are no text there, and Go refuses
 * the mark of byte order.
 */
function quoted(value: string): string {
  return JSON.stringify(value.toWellFormed())
    .replaceAll("\uFEFF", "\\ufeff")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029")
    .replaceAll("\u007f", "\\u007f");
}

function lines(open: string, items: string[], close: string, depth: number): string {
  if (items.length === 0) return open + close;
  const indent = "    ".repeat(depth + 1);
  return `${open}\n${items.map((item) => `${indent}${item},\n`).join("")}${"    ".repeat(depth)}${close}`;
}

/** A value in Python. */
export function python(value: unknown, depth = 0): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return quoted(value);
  if (value instanceof FromFile) return `open(${quoted(value.name)}, "rb").read()`;
  if (Array.isArray(value))
    return lines(
      "[",
      value.map((v) => python(v, depth + 1)),
      "]",
      depth,
    );
  if (typeof value === "object") {
    const items = Object.entries(value).map(([key, v]) => `${quoted(key)}: ${python(v, depth + 1)}`);
    return lines("{", items, "}", depth);
  }
  return JSON.stringify(value);
}

function boto3(service: string, { endpoint, region }: Caller, call: string, input: object, rest: string): string {
  const members = Object.entries(input).map(([key, value]) => `    ${key}=${python(value, 1)},\n`);
  return `import boto3

client = boto3.client("${service}", region_name="${region}", endpoint_url="${endpoint}")
response = client.${call}(
${members.join("")})
${rest}`;
}

/** Text for a here-document in which the shell puts files in. */
function shellText(value: string): string {
  return value.replace(/[\\$`]/g, (c) => `\\${c}`);
}

/** A command that writes a request into a file. */
function requestFile(input: object, files: readonly string[]): string {
  // Names of files stand between marks that no text has, until the shell's own signs are put there.
  let mark = "\uE000";
  while (JSON.stringify(input).includes(mark)) mark += "\uE000";
  const json = JSON.stringify(
    input,
    (_, value: unknown) => (value instanceof FromFile ? `${mark}${value.name}${mark}` : value),
    2,
  );
  // The file must not end before its end.
  let end = "EOF";
  while (json.split("\n").includes(end)) end += "_";
  if (files.length === 0) return `cat > request.json <<'${end}'\n${json}\n${end}\n`;
  const text = shellText(json).replace(
    new RegExp(`${mark}([^${mark}]*)${mark}`, "g"),
    (_, name: string) => `$(base64 < '${name.replaceAll("'", "'\\''")}' | tr -d '\\n')`,
  );
  return `cat > request.json <<${end}\n${text}\n${end}\n`;
}

/**
 * A call by curl. Not every curl signs a colon in a path as AWS does, and most model IDs have one, so that models are
 * called with an API key. Those open Bedrock alone.
 */
function curl({ region, endpoint }: Caller, path: string, by: "key" | "signature"): string {
  const authorization =
    by === "key"
      ? `  -H "Authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK" \\`
      : `  --aws-sigv4 "aws:amz:${region}:bedrock" \\
  --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
  \${AWS_SESSION_TOKEN:+-H "X-Amz-Security-Token: $AWS_SESSION_TOKEN"} \\`;
  return `curl --fail-with-body "${endpoint}${path}" \\
${authorization}
  -H "Content-Type: application/json" \\
  --data-binary @request.json
`;
}

/** Go's literals of the parts of a request. */
const go = {
  strings: (values: readonly string[]) => `[]string{${values.map(quoted).join(", ")}}`,
  /** Free JSON, as Go's maps. */
  json(value: unknown, depth: number): string {
    if (value === null || value === undefined) return "nil";
    if (typeof value === "string") return quoted(value);
    if (Array.isArray(value))
      return lines(
        "[]any{",
        value.map((v) => go.json(v, depth + 1)),
        "}",
        depth,
      );
    if (typeof value === "object") {
      const items = Object.entries(value).map(([key, v]) => `${quoted(key)}: ${go.json(v, depth + 1)}`);
      return lines("map[string]any{", items, "}", depth);
    }
    return JSON.stringify(value);
  },
  content(part: ContentBlock, depth: number): string {
    const bytes = (source: { bytes?: unknown }) =>
      `file(${quoted(source.bytes instanceof FromFile ? source.bytes.name : "")})`;
    if (part.text !== undefined) return `&types.ContentBlockMemberText{Value: ${quoted(part.text)}}`;
    if (part.image) {
      return `&types.ContentBlockMemberImage{Value: types.ImageBlock{Format: ${quoted(part.image.format)}, Source: &types.ImageSourceMemberBytes{Value: ${bytes(part.image.source)}}}}`;
    }
    if (part.document) {
      const { format = "txt", name, source } = part.document;
      return `&types.ContentBlockMemberDocument{Value: types.DocumentBlock{Format: ${quoted(format)}, Name: aws.String(${quoted(name)}), Source: &types.DocumentSourceMemberBytes{Value: ${bytes(source)}}}}`;
    }
    if (part.toolUse) {
      const { toolUseId, name, input } = part.toolUse;
      return `&types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{ToolUseId: aws.String(${quoted(toolUseId)}), Name: aws.String(${quoted(name)}), Input: document.NewLazyDocument(${go.json(input, depth)})}}`;
    }
    if (part.toolResult) {
      const { toolUseId, content, status } = part.toolResult;
      const items = content.map((c) =>
        c.text === undefined
          ? `&types.ToolResultContentBlockMemberJson{Value: document.NewLazyDocument(${go.json(c.json, depth + 1)})}`
          : `&types.ToolResultContentBlockMemberText{Value: ${quoted(c.text)}}`,
      );
      const as = status ? `Status: ${quoted(status)}, ` : "";
      return `&types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{ToolUseId: aws.String(${quoted(toolUseId)}), ${as}Content: ${lines("[]types.ToolResultContentBlock{", items, "}", depth)}}}`;
    }
    const reasoning = part.reasoningContent;
    if (reasoning?.reasoningText) {
      const { text, signature } = reasoning.reasoningText;
      const signed = signature === undefined ? "" : `, Signature: aws.String(${quoted(signature)})`;
      return `&types.ContentBlockMemberReasoningContent{Value: &types.ReasoningContentBlockMemberReasoningText{Value: types.ReasoningTextBlock{Text: aws.String(${quoted(text)})${signed}}}}`;
    }
    return `&types.ContentBlockMemberReasoningContent{Value: &types.ReasoningContentBlockMemberRedactedContent{Value: base64Bytes(${quoted(reasoning?.redactedContent ?? "")})}}`;
  },
};

function goConverse({ region, endpoint }: Caller, input: ConverseStreamInput): string {
  const { modelId, system, messages = [], inferenceConfig: config, toolConfig, additionalModelRequestFields } = input;
  const members = [`ModelId: aws.String(${quoted(modelId)})`];
  if (system) {
    const items = system.map(({ text }) => `&types.SystemContentBlockMemberText{Value: ${quoted(text ?? "")}}`);
    members.push(`System: ${lines("[]types.SystemContentBlock{", items, "}", 2)}`);
  }
  const said = messages.map(({ role, content }) =>
    lines(
      `{Role: ${quoted(role)}, Content: []types.ContentBlock{`,
      content.map((part) => go.content(part, 4)),
      "}}",
      3,
    ),
  );
  members.push(`Messages: ${lines("[]types.Message{", said, "}", 2)}`);
  if (config) {
    const { maxTokens, temperature, topP, stopSequences } = config;
    const items = [
      ...(maxTokens === undefined ? [] : [`MaxTokens: aws.Int32(${maxTokens})`]),
      ...(temperature === undefined ? [] : [`Temperature: aws.Float32(${temperature})`]),
      ...(topP === undefined ? [] : [`TopP: aws.Float32(${topP})`]),
      ...(stopSequences === undefined ? [] : [`StopSequences: ${go.strings(stopSequences)}`]),
    ];
    members.push(`InferenceConfig: ${lines("&types.InferenceConfiguration{", items, "}", 2)}`);
  }
  if (toolConfig) {
    const tools = toolConfig.tools.map(({ toolSpec }) => {
      const described =
        toolSpec?.description === undefined ? "" : `, Description: aws.String(${quoted(toolSpec.description)})`;
      return `&types.ToolMemberToolSpec{Value: types.ToolSpecification{Name: aws.String(${quoted(toolSpec?.name ?? "")})${described}, InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(${go.json(toolSpec?.inputSchema.json, 4)})}}}`;
    });
    const { toolChoice } = toolConfig;
    const choice = toolChoice?.any
      ? ["ToolChoice: &types.ToolChoiceMemberAny{}"]
      : toolChoice?.tool
        ? [
            `ToolChoice: &types.ToolChoiceMemberTool{Value: types.SpecificToolChoice{Name: aws.String(${quoted(toolChoice.tool.name)})}}`,
          ]
        : [];
    const listed = `Tools: ${lines("[]types.Tool{", tools, "}", 3)}`;
    members.push(`ToolConfig: ${lines("&types.ToolConfiguration{", [listed, ...choice], "}", 2)}`);
  }
  if (additionalModelRequestFields !== undefined) {
    members.push(`AdditionalModelRequestFields: document.NewLazyDocument(${go.json(additionalModelRequestFields, 2)})`);
  }
  const literal = lines("&bedrockruntime.ConverseStreamInput{", members, "}", 1);
  const [file, base64, doc] = ["file(", "base64Bytes(", "document."].map((used) => literal.includes(used));
  const standard = ["context", ...(base64 ? ["encoding/base64"] : []), "fmt", "log", ...(file ? ["os"] : [])];
  const foreign = [
    "github.com/aws/aws-sdk-go-v2/aws",
    "github.com/aws/aws-sdk-go-v2/config",
    "github.com/aws/aws-sdk-go-v2/service/bedrockruntime",
    ...(doc ? ["github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"] : []),
    "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types",
  ];
  return goProgram(
    [...standard.map((p) => `"${p}"`), "", ...foreign.map((p) => `"${p}"`)],
    "bedrockruntime",
    { region, endpoint },
    `out, err := client.ConverseStream(ctx, ${literal})
    if err != nil {
        log.Fatal(err)
    }
    stream := out.GetStream()
    defer stream.Close()
    for event := range stream.Events() {
        if e, ok := event.(*types.ConverseStreamOutputMemberContentBlockDelta); ok {
            if text, ok := e.Value.Delta.(*types.ContentBlockDeltaMemberText); ok {
                fmt.Print(text.Value)
            }
        }
    }
    if err := stream.Err(); err != nil {
        log.Fatal(err)
    }`,
    (file
      ? `
func file(name string) []byte {
    content, err := os.ReadFile(name)
    if err != nil {
        log.Fatal(err)
    }
    return content
}
`
      : "") +
      (base64
        ? `
func base64Bytes(text string) []byte {
    content, err := base64.StdEncoding.DecodeString(text)
    if err != nil {
        log.Fatal(err)
    }
    return content
}
`
        : ""),
  );
}

function goProgram(
  imports: readonly string[],
  service: string,
  { region, endpoint }: Pick<Caller, "region" | "endpoint">,
  call: string,
  rest = "",
): string {
  const program = `package main

import (
${imports.map((line) => (line === "" ? "" : `    ${line}`)).join("\n")}
)

func main() {
    ctx := context.Background()
    cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("${region}"))
    if err != nil {
        log.Fatal(err)
    }
    client := ${service}.NewFromConfig(cfg, func(o *${service}.Options) {
        o.BaseEndpoint = aws.String("${endpoint}")
    })
    ${call}
}
${rest}`;
  return program.replace(/^( {4})+/gm, (spaces) => "\t".repeat(spaces.length / 4));
}

function goKnowledge({ region, endpoint }: Caller, input: RetrieveAndGenerateStreamInput): string {
  const base = input.retrieveAndGenerateConfiguration?.knowledgeBaseConfiguration;
  const search = base?.retrievalConfiguration?.vectorSearchConfiguration;
  const config = base?.generationConfiguration?.inferenceConfig?.textInferenceConfig;
  const additional = base?.generationConfiguration?.additionalModelRequestFields;
  const members = [
    `KnowledgeBaseId: aws.String(${quoted(base?.knowledgeBaseId ?? "")})`,
    `ModelArn: aws.String(${quoted(base?.modelArn ?? "")})`,
  ];
  if (search) {
    const type =
      search.overrideSearchType === undefined ? "" : `, OverrideSearchType: ${quoted(search.overrideSearchType)}`;
    members.push(
      `RetrievalConfiguration: &types.KnowledgeBaseRetrievalConfiguration{VectorSearchConfiguration: &types.KnowledgeBaseVectorSearchConfiguration{NumberOfResults: aws.Int32(${search.numberOfResults ?? 5})${type}}}`,
    );
  }
  if (config || additional) {
    const items: string[] = [];
    if (config) {
      const { maxTokens, temperature, topP, stopSequences } = config;
      const settings = [
        ...(maxTokens === undefined ? [] : [`MaxTokens: aws.Int32(${maxTokens})`]),
        ...(temperature === undefined ? [] : [`Temperature: aws.Float32(${temperature})`]),
        ...(topP === undefined ? [] : [`TopP: aws.Float32(${topP})`]),
        ...(stopSequences === undefined ? [] : [`StopSequences: ${go.strings(stopSequences)}`]),
      ];
      items.push(
        `InferenceConfig: &types.InferenceConfig{TextInferenceConfig: ${lines("&types.TextInferenceConfig{", settings, "}", 5)}}`,
      );
    }
    if (additional) {
      const fields = Object.entries(additional).map(
        ([key, value]) => `${quoted(key)}: document.NewLazyDocument(${go.json(value, 6)})`,
      );
      items.push(`AdditionalModelRequestFields: ${lines("map[string]document.Interface{", fields, "}", 5)}`);
    }
    members.push(`GenerationConfiguration: ${lines("&types.GenerationConfiguration{", items, "}", 4)}`);
  }
  const fields = [
    `Input: &types.RetrieveAndGenerateInput{Text: aws.String(${quoted(input.input.text)})}`,
    ...(input.sessionId === undefined ? [] : [`SessionId: aws.String(${quoted(input.sessionId)})`]),
    `RetrieveAndGenerateConfiguration: ${lines(
      "&types.RetrieveAndGenerateConfiguration{",
      [
        `Type: types.RetrieveAndGenerateTypeKnowledgeBase`,
        `KnowledgeBaseConfiguration: ${lines("&types.KnowledgeBaseRetrieveAndGenerateConfiguration{", members, "}", 3)}`,
      ],
      "}",
      2,
    )}`,
  ];
  const sdk = "github.com/aws/aws-sdk-go-v2";
  const imports = [
    "context",
    "fmt",
    "log",
    "",
    `${sdk}/aws`,
    `${sdk}/config`,
    `${sdk}/service/bedrockagentruntime`,
    ...(additional ? [`${sdk}/service/bedrockagentruntime/document`] : []),
    `${sdk}/service/bedrockagentruntime/types`,
  ];
  return goProgram(
    imports.map((line) => (line === "" ? "" : `"${line}"`)),
    "bedrockagentruntime",
    { region, endpoint },
    `out, err := client.RetrieveAndGenerate(ctx, ${lines("&bedrockagentruntime.RetrieveAndGenerateInput{", fields, "}", 1)})
    if err != nil {
        log.Fatal(err)
    }
    fmt.Println(aws.ToString(out.Output.Text))`,
  );
}

/** A call of Converse in several languages. */
export function converseSamples(given: ConverseStreamInput, caller: Caller): Sample[] {
  const { input, files } = withFiles(given);
  const request = input as ConverseStreamInput;
  const { modelId, ...body } = request;
  return [
    {
      label: "boto3",
      code: boto3(
        "bedrock-runtime",
        caller,
        "converse_stream",
        input,
        `for event in response["stream"]:
    delta = event.get("contentBlockDelta", {}).get("delta", {})
    print(delta.get("text", ""), end="", flush=True)
`,
      ),
    },
    {
      label: "AWS CLI",
      code: `${files.length > 0 ? "# AWS CLI 2: version 1 takes no base64\n" : ""}${requestFile(input, files)}
aws bedrock-runtime converse --region ${caller.region} --endpoint-url ${caller.endpoint} \\
  --cli-input-json file://request.json
`,
    },
    {
      label: "curl",
      code: `${requestFile(body, files)}
${curl(caller, `/model/${encodeURIComponent(modelId)}/converse`, "key")}`,
    },
    { label: "Go", code: goConverse(caller, request) },
  ];
}

/** A call of RetrieveAndGenerate in several languages. */
export function knowledgeSamples(input: RetrieveAndGenerateStreamInput, caller: Caller): Sample[] {
  return [
    {
      label: "boto3",
      code: boto3(
        "bedrock-agent-runtime",
        caller,
        "retrieve_and_generate_stream",
        input,
        `for event in response["stream"]:
    print(event.get("output", {}).get("text", ""), end="", flush=True)
`,
      ),
    },
    {
      label: "AWS CLI",
      code: `${requestFile(input, [])}
aws bedrock-agent-runtime retrieve-and-generate --region ${caller.region} --endpoint-url ${caller.endpoint} \\
  --cli-input-json file://request.json
`,
    },
    { label: "curl", code: `${requestFile(input, [])}\n${curl(caller, "/retrieveAndGenerate", "signature")}` },
    { label: "Go", code: goKnowledge(caller, input) },
  ];
}
