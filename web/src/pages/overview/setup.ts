import type { Sample } from "@/components";

/** Where programs call. */
export interface Target {
  /** "http://127.0.0.1:8484" */
  endpoint: string;
  region: string;
}

/** A model of the catalog that somebody answers for on every server, if only in its place. */
export const sampleModel = "amazon.nova-lite-v1:0";

/** The variables that all of AWS's programs read. */
export function environment({ endpoint, region }: Target): string {
  const lines = [
    `export AWS_ENDPOINT_URL=${endpoint}`,
    `export AWS_REGION=${region} AWS_DEFAULT_REGION=${region}`,
    "export AWS_ACCESS_KEY_ID=…",
    "export AWS_SECRET_ACCESS_KEY=…",
  ];
  // The certificate is the server's own unless somebody gave it another.
  if (endpoint.startsWith("https:")) {
    lines.push("export AWS_CA_BUNDLE=…/tls/ca-bundle.pem NODE_EXTRA_CA_CERTS=…/tls/ca-bundle.pem");
  }
  return `${lines.join("\n")}\n`;
}

/** A first call in each of the ways that people call Bedrock. */
export function setups({ endpoint, region }: Target): Sample[] {
  return [
    {
      label: "AWS CLI",
      code: `aws bedrock-runtime converse \\
  --endpoint-url ${endpoint} --region ${region} \\
  --model-id ${sampleModel} \\
  --messages '[{"role": "user", "content": [{"text": "Hello"}]}]'
`,
    },
    {
      label: "boto3",
      code: `# pip install boto3
import boto3

client = boto3.client("bedrock-runtime", region_name="${region}", endpoint_url="${endpoint}")
answer = client.converse(
    modelId="${sampleModel}",
    messages=[{"role": "user", "content": [{"text": "Hello"}]}],
)
print(answer["output"]["message"]["content"][0]["text"])
`,
    },
    {
      label: "Go",
      code: `// go get github.com/aws/aws-sdk-go-v2/config github.com/aws/aws-sdk-go-v2/service/bedrockruntime
package main

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
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("${region}"))
	if err != nil {
		log.Fatal(err)
	}
	client := bedrockruntime.NewFromConfig(cfg, func(o *bedrockruntime.Options) {
		o.BaseEndpoint = aws.String("${endpoint}")
	})
	out, err := client.Converse(ctx, &bedrockruntime.ConverseInput{
		ModelId: aws.String("${sampleModel}"),
		Messages: []types.Message{{
			Role:    types.ConversationRoleUser,
			Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "Hello"}},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if answer, ok := out.Output.(*types.ConverseOutputMemberMessage); ok {
		for _, block := range answer.Value.Content {
			if text, ok := block.(*types.ContentBlockMemberText); ok {
				fmt.Println(text.Value)
			}
		}
	}
}
`,
    },
    {
      label: "JavaScript",
      code: `// npm install @aws-sdk/client-bedrock-runtime
import { BedrockRuntimeClient, ConverseCommand } from "@aws-sdk/client-bedrock-runtime";

const client = new BedrockRuntimeClient({ region: "${region}", endpoint: "${endpoint}" });
const answer = await client.send(
  new ConverseCommand({
    modelId: "${sampleModel}",
    messages: [{ role: "user", content: [{ text: "Hello" }] }],
  }),
);
console.log(answer.output.message.content[0].text);
`,
    },
    {
      label: "LangChain",
      code: `# pip install langchain-aws
from langchain_aws import ChatBedrockConverse

chat = ChatBedrockConverse(
    model="${sampleModel}",
    region_name="${region}",
    endpoint_url="${endpoint}",
)
print(chat.invoke("Hello").text)
`,
    },
  ];
}
