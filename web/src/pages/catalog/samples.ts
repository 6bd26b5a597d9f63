import type { CatalogDetail } from "@/api/outcrop.gen";
import type { Sample } from "@/components";

/** Where the samples call. */
export interface Server {
  /** "http://127.0.0.1:8484" */
  endpoint: string;
  region: string;
}

type Model = Pick<CatalogDetail, "id" | "kind" | "nativeFormat" | "streaming" | "embeddingDimensions">;

const prompt = "What is the capital of France?";

/** A file that somebody has to have. */
class File {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

type Value = string | number | boolean | File | Value[] | { [key: string]: Value };
interface Body {
  [key: string]: Value;
}

/** The requests of Stability's services for images, by a part of their IDs. */
const edits: readonly (readonly [string, Body])[] = [
  ["style-transfer", { init_image: new File("image.png"), style_image: new File("style.png") }],
  ["search-recolor", { image: new File("image.png"), select_prompt: "the car", prompt: "a green car" }],
  ["search-replace", { image: new File("image.png"), search_prompt: "the car", prompt: "a bicycle" }],
  ["fast-upscale", { image: new File("image.png") }],
  ["erase-object", { image: new File("image.png"), mask: new File("mask.png") }],
  ["remove-background", { image: new File("image.png") }],
  ["inpaint", { image: new File("image.png"), mask: new File("mask.png"), prompt: "a bicycle" }],
  ["outpaint", { image: new File("image.png"), left: 200, right: 200 }],
  ["", { image: new File("image.png"), prompt: "a lighthouse on a cliff" }],
];

/** The body of InvokeModel that a model understands; undefined where it takes none of which an example is short. */
export function bodyOf({ id, nativeFormat, embeddingDimensions }: Model): Body | undefined {
  const text = "Basalt is a dark rock.";
  switch (nativeFormat) {
    case "titan-embed-g1":
    case "titan-embed-v2":
    case "titan-embed-mm":
      return { inputText: text };
    case "nova-embed":
      return {
        taskType: "SINGLE_EMBEDDING",
        singleEmbeddingParams: {
          embeddingPurpose: "GENERIC_INDEX",
          embeddingDimension: embeddingDimensions[0] ?? 1024,
          text: { truncationMode: "END", value: text },
        },
      };
    case "cohere-embed-v3":
      return { input_type: "search_document", texts: [text] };
    case "cohere-embed-v4":
      return { input_type: "search_document", embedding_types: ["float"], texts: [text] };
    case "rerank": {
      const documents = { query: "Which rock is dark?", documents: ["Chalk is white.", text] };
      return id.startsWith("cohere.") ? { ...documents, api_version: 2 } : documents;
    }
    case "amazon-image":
      return {
        taskType: "TEXT_IMAGE",
        textToImageParams: { text: "a lighthouse on a cliff" },
        imageGenerationConfig: { numberOfImages: 1, width: 1024, height: 1024 },
      };
    case "stability-image":
      return { prompt: "a lighthouse on a cliff", output_format: "png" };
    case "stability-edit":
      return edits.find(([part]) => id.includes(part))?.[1];
    case "twelvelabs-pegasus":
      return { inputPrompt: "What happens in this film?", mediaSource: { base64String: new File("film.mp4") } };
    default:
      return undefined;
  }
}

/** The samples for a model by one of its identifiers; none where no short one would do. */
export function samples(model: Model, identifier: string, server: Server): Sample[] {
  if (model.kind === "text") return converse(identifier, server);
  const body = bodyOf(model);
  return body ? invoke(model, identifier, body, server) : [];
}

/** A text in the quotes of JSON, as Python, Go and JavaScript read it too. */
const quoted = (text: string) => JSON.stringify(text);

const indented = (text: string, by: string) => text.replaceAll("\n", `\n${by}`);

/**
 * A call by curl. Not every curl signs a colon in a path as AWS does, and most model IDs have one, so that models are
 * called with an API key, as AWS's own examples do.
 */
function curl({ endpoint }: Server, path: string, data: string): string {
  return `# An API key of Bedrock: "Your keys" of the page Access makes one, or outcrop keys create --user NAME --api-key.
curl --fail-with-body "${endpoint}${path}" \\
  -H "Authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK" \\
  -H "Content-Type: application/json" \\
  ${data}`;
}

/** The beginning of each program: a client that calls this server. */
const boto3 = ({ endpoint, region }: Server) => `import boto3

client = boto3.client("bedrock-runtime", region_name="${region}", endpoint_url="${endpoint}")
`;

const goClient = ({ endpoint, region }: Server) => `	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("${region}"))
	if err != nil {
		log.Fatal(err)
	}
	client := bedrockruntime.NewFromConfig(cfg, func(o *bedrockruntime.Options) {
		o.BaseEndpoint = aws.String("${endpoint}")
	})
`;

const jsClient = ({ endpoint, region }: Server) =>
  `const client = new BedrockRuntimeClient({ region: "${region}", endpoint: "${endpoint}" });`;

function converse(id: string, server: Server): Sample[] {
  const { endpoint, region } = server;
  const messages = [{ role: "user", content: [{ text: prompt }] }];
  return [
    {
      label: "boto3",
      code: `${boto3(server)}answer = client.converse(
    modelId=${quoted(id)},
    messages=[{"role": "user", "content": [{"text": ${quoted(prompt)}}]}],
    inferenceConfig={"maxTokens": 512},
)
for part in answer["output"]["message"]["content"]:
    print(part.get("text", ""))
`,
    },
    {
      label: "AWS CLI",
      code: `aws bedrock-runtime converse \\
  --endpoint-url ${endpoint} --region ${region} \\
  --model-id ${id} \\
  --messages '${JSON.stringify(messages)}' \\
  --inference-config maxTokens=512
`,
    },
    {
      label: "curl",
      code: `${curl(server, `/model/${encodeURIComponent(id)}/converse`, `-d '${JSON.stringify({ messages, inferenceConfig: { maxTokens: 512 } })}'`)}
`,
    },
    {
      label: "Go",
      code: `package main

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

func main() {
${goClient(server)}	answer, err := client.Converse(ctx, &bedrockruntime.ConverseInput{
		ModelId: aws.String(${quoted(id)}),
		Messages: []types.Message{{
			Role:    types.ConversationRoleUser,
			Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: ${quoted(prompt)}}},
		}},
		InferenceConfig: &types.InferenceConfiguration{MaxTokens: aws.Int32(512)},
	})
	if err != nil {
		log.Fatal(err)
	}
	if output, ok := answer.Output.(*types.ConverseOutputMemberMessage); ok {
		for _, part := range output.Value.Content {
			if text, ok := part.(*types.ContentBlockMemberText); ok {
				fmt.Println(text.Value)
			}
		}
	}
}
`,
    },
    {
      label: "JavaScript",
      code: `import { BedrockRuntimeClient, ConverseCommand } from "@aws-sdk/client-bedrock-runtime";

${jsClient(server)}
const answer = await client.send(
  new ConverseCommand({
    modelId: ${quoted(id)},
    messages: [{ role: "user", content: [{ text: ${quoted(prompt)} }] }],
    inferenceConfig: { maxTokens: 512 },
  }),
);
for (const part of answer.output.message.content) console.log(part.text ?? "");
`,
    },
    {
      label: "LangChain",
      code: `from langchain_aws import ChatBedrockConverse

chat = ChatBedrockConverse(
    model=${quoted(id)},
    region_name="${region}",
    endpoint_url="${endpoint}",
    max_tokens=512,
)
print(chat.invoke(${quoted(prompt)}).text)
`,
    },
  ];
}

/** A body as Python writes it. */
function python(value: Value, depth: number): string {
  if (value instanceof File) return `file(${quoted(value.name)})`;
  if (Array.isArray(value)) return `[${value.map((v) => python(v, depth)).join(", ")}]`;
  if (typeof value === "object") {
    const indent = "    ".repeat(depth + 1);
    const members = Object.entries(value).map(([key, v]) => `${indent}${quoted(key)}: ${python(v, depth + 1)},\n`);
    return `{\n${members.join("")}${"    ".repeat(depth)}}`;
  }
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

/** A body as JSON; what stands for a file is for write to say. */
function json(body: Value, write: (file: File) => string): string {
  return JSON.stringify(body, (_, v: unknown) => (v instanceof File ? write(v) : v), 2);
}

function filesIn(value: Value): File[] {
  if (value instanceof File) return [value];
  return typeof value === "object" ? Object.values(value).flatMap((v) => filesIn(v)) : [];
}

/** What is done with an answer of InvokeModel, by what the model makes. */
const results: { [kind: string]: { python: string; go: string; js: string } } = {
  image: {
    python: `import base64

with open("made.png", "wb") as made:
    made.write(base64.b64decode(result["images"][0]))
`,
    go: `	var result struct{ Images [][]byte }
	if err := json.Unmarshal(answer.Body, &result); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("made.png", result.Images[0], 0o600); err != nil {
		log.Fatal(err)
	}
`,
    js: `await writeFile("made.png", Buffer.from(result.images[0], "base64"));
`,
  },
};

const printed = {
  python: "print(result)\n",
  go: "\tfmt.Println(string(answer.Body))\n",
  js: "console.log(result);\n",
};

function invoke(model: Model, id: string, body: Body, server: Server): Sample[] {
  const { endpoint, region } = server;
  const files = filesIn(body);
  const then = results[model.kind] ?? printed;
  const here =
    files.length === 0
      ? `cat > request.json <<'EOF'\n${json(body, () => "")}\nEOF\n`
      : `cat > request.json <<EOF\n${json(body, ({ name }) => `$(base64 < ${name} | tr -d '[:space:]')`)}\nEOF\n`;
  const readFile =
    files.length === 0 ? "" : `\n\ndef file(name):\n    return base64.b64encode(open(name, "rb").read()).decode()\n\n`;
  const list: Sample[] = [
    {
      label: "boto3",
      code: `${files.length > 0 ? "import base64\n" : ""}import json

${boto3(server)}${readFile}answer = client.invoke_model(
    modelId=${quoted(id)},
    body=json.dumps(${python(body, 1)}),
)
result = json.load(answer["body"])
${then.python}`,
    },
    {
      label: "AWS CLI",
      code: `${here}aws bedrock-runtime invoke-model \\
  --endpoint-url ${endpoint} --region ${region} \\
  --model-id ${id} \\
  --body fileb://request.json \\
  answer.json
`,
    },
    {
      label: "curl",
      code: `${here}${curl(server, `/model/${encodeURIComponent(id)}/invoke`, "--data-binary @request.json")}
`,
    },
  ];
  if (files.length === 0) {
    const text = json(body, () => "");
    const imports = then.go.includes("json.") ? ["context", "encoding/json", "log", "os"] : ["context", "fmt", "log"];
    list.push(
      {
        label: "Go",
        code: `package main

import (
${imports.map((name) => `\t"${name}"\n`).join("")}
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
)

func main() {
${goClient(server)}	answer, err := client.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{
		ModelId:     aws.String(${quoted(id)}),
		ContentType: aws.String("application/json"),
		Body: []byte(\`${text}\`),
	})
	if err != nil {
		log.Fatal(err)
	}
${then.go}}
`,
      },
      {
        label: "JavaScript",
        code: `import { BedrockRuntimeClient, InvokeModelCommand } from "@aws-sdk/client-bedrock-runtime";
${then.js.includes("writeFile") ? 'import { writeFile } from "node:fs/promises";\n' : ""}
${jsClient(server)}
const answer = await client.send(
  new InvokeModelCommand({
    modelId: ${quoted(id)},
    contentType: "application/json",
    body: JSON.stringify(${indented(text, "    ")}),
  }),
);
const result = JSON.parse(new TextDecoder().decode(answer.body));
${then.js}`,
      },
    );
  }
  if (/^(titan-embed-(g1|v2)|cohere-embed-v3)$/.test(model.nativeFormat)) {
    list.push({
      label: "LangChain",
      code: `from langchain_aws import BedrockEmbeddings

embeddings = BedrockEmbeddings(
    model_id=${quoted(id)},
    region_name="${region}",
    endpoint_url="${endpoint}",
)
print(embeddings.embed_query("Basalt is a dark rock."))
`,
    });
  }
  return list;
}
