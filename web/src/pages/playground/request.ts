import type { RetrieveAndGenerateStreamInput } from "@/api/bedrock-agent-runtime.gen";
import type {
  ContentBlock,
  ConverseStreamInput,
  InferenceConfiguration,
  ToolConfiguration,
} from "@/api/bedrock-runtime.gen";
import type { Json } from "@/api/types";
import { modelOf, textOf, type Column, type Conversation, type Message, type Settings } from "./conversation";

type Sent = NonNullable<ConverseStreamInput["messages"]>[number];

/** The JSON object of a text; undefined where it is empty or is none. */
export function objectOf(text: string): { [key: string]: Json } | undefined {
  if (text.trim() === "") return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as { [key: string]: Json })
      : undefined;
  } catch {
    return undefined;
  }
}

function inference({ maxTokens, temperature, topP, stopSequences }: Settings): InferenceConfiguration | undefined {
  const config: InferenceConfiguration = {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stopSequences.length === 0 ? {} : { stopSequences }),
  };
  return Object.keys(config).length === 0 ? undefined : config;
}

/** The tools on offer. Once a tool has answered the model is free again, or it would call tools for ever. */
function toolConfig({ tools, toolChoice }: Conversation, answered: boolean): ToolConfiguration | undefined {
  if (tools.length === 0) return undefined;
  const choice = answered ? "auto" : toolChoice;
  return {
    tools: tools.map(({ name, description, schema }) => ({
      toolSpec: {
        name,
        ...(description.trim() === "" ? {} : { description }),
        inputSchema: { json: objectOf(schema) ?? { type: "object" } },
      },
    })),
    ...(choice === "auto" ? {} : { toolChoice: choice === "any" ? { any: {} } : { tool: { name: choice.slice(5) } } }),
  };
}

const resultOf = (part: ContentBlock) => part.toolResult?.toolUseId;

/**
 * What of the messages is sent: they have to take turns, and every call of a tool needs its result in the next one.
 * Thoughts go back only where a model needs them, with its calls of tools, and only to the model that signed them.
 */
export function toSend(messages: readonly Message[], model: string): Sent[] {
  const sent: Sent[] = [];
  let open: string[] = [];
  for (const { role, content, reply } of messages) {
    const calling = reply?.model === model && content.some((part) => part.toolUse !== undefined);
    let parts: ContentBlock[] = content.filter((part) => {
      if (part.text !== undefined) return part.text.trim() !== "";
      if (!part.reasoningContent) return true;
      const { reasoningText, redactedContent } = part.reasoningContent;
      return calling && (redactedContent !== undefined || Boolean(reasoningText?.signature));
    });
    if (role === "user") {
      const given = new Set(parts.map(resultOf));
      const missing = open.filter((id) => !given.has(id));
      parts = [
        ...missing.map((toolUseId) => ({
          toolResult: { toolUseId, status: "error" as const, content: [{ text: "The tool was not called." }] },
        })),
        ...parts,
      ];
      open = [];
    } else {
      open = parts.flatMap((part) => (part.toolUse ? [part.toolUse.toolUseId] : []));
    }
    if (parts.length === 0) continue;
    const last = sent.at(-1);
    if (last?.role === role) last.content = [...last.content, ...parts];
    else sent.push({ role, content: parts });
  }
  return sent;
}

/** The request that continues messages, of which the last is the user's. */
export function converseInput(
  conversation: Conversation,
  column: Column,
  messages: readonly Message[],
): ConverseStreamInput {
  const { system } = conversation;
  const model = modelOf(column);
  const config = inference(column.settings);
  const answered = messages.at(-1)?.content.some((part) => part.toolResult !== undefined) ?? false;
  const tools = toolConfig(conversation, answered);
  const additional = objectOf(column.settings.additional);
  return {
    modelId: model,
    ...(system.trim() === "" ? {} : { system: [{ text: system }] }),
    messages: toSend(messages, model),
    ...(config ? { inferenceConfig: config } : {}),
    ...(tools ? { toolConfig: tools } : {}),
    ...(additional ? { additionalModelRequestFields: additional } : {}),
  };
}

/** The request that asks a knowledge base. Its session knows what was said before. */
export function knowledgeInput(
  conversation: Conversation,
  column: Column,
  messages: readonly Message[],
): RetrieveAndGenerateStreamInput {
  const { knowledge } = conversation;
  const config = inference(column.settings);
  const additional = objectOf(column.settings.additional);
  const before = messages.at(-2);
  // A session goes on in one line; what branches off begins a new one.
  const branched =
    before !== undefined && Object.values(column.messages).filter((m) => m.parent === before.id).length > 1;
  const sessionId = before?.reply?.knowledgeBase === knowledge?.id && !branched ? before?.reply?.sessionId : undefined;
  return {
    input: { text: textOf(messages.at(-1)?.content ?? []) },
    retrieveAndGenerateConfiguration: {
      type: "KNOWLEDGE_BASE",
      knowledgeBaseConfiguration: {
        knowledgeBaseId: knowledge?.id ?? "",
        modelArn: modelOf(column),
        ...(knowledge
          ? {
              retrievalConfiguration: {
                vectorSearchConfiguration: {
                  numberOfResults: knowledge.results,
                  ...(knowledge.search === "DEFAULT" ? {} : { overrideSearchType: knowledge.search }),
                },
              },
            }
          : {}),
        ...(config || additional
          ? {
              generationConfiguration: {
                ...(config ? { inferenceConfig: { textInferenceConfig: config } } : {}),
                ...(additional ? { additionalModelRequestFields: additional } : {}),
              },
            }
          : {}),
      },
    },
    ...(sessionId ? { sessionId } : {}),
  };
}
