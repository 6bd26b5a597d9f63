import type {
  KnowledgeBaseRetrievalConfiguration,
  RetrieveAndGenerateStreamInput,
  RetrieveInput,
  TextInferenceConfig,
} from "@/api/bedrock-agent-runtime.gen";
import { filterOf, type Condition } from "./filter";
import { modelArn } from "./models";

/** How is searched and answered, as it stands in the fields. */
export interface Options {
  /** Empty: the default one. */
  model: string;
  search: "" | "HYBRID" | "SEMANTIC";
  results: string;
  conditions: readonly Condition[];
  join: "andAll" | "orAll";
  template: string;
  temperature: string;
  topP: string;
  maxTokens: string;
  decompose: boolean;
  /** Empty: none. */
  rerank: string;
}

export const noOptions: Options = {
  model: "",
  search: "",
  results: "",
  conditions: [],
  join: "andAll",
  template: "",
  temperature: "",
  topP: "",
  maxTokens: "",
  decompose: false,
  rerank: "",
};

/** The longest question of either operation, in characters. */
export const mostCharacters = { generate: 1000, retrieve: 20_000 } as const;

const whole = (text: string, lowest: number, highest: number) =>
  text === "" || (/^\d+$/.test(text) && Number(text) >= lowest && Number(text) <= highest);
const share = (text: string) => text === "" || (text.trim() !== "" && Number(text) >= 0 && Number(text) <= 1);

/** What is wrong with the fields. */
export function problemsOf(o: Options, generate: boolean): { [field in keyof Options]?: string } {
  const problems: { [field in keyof Options]?: string } = {};
  if (!whole(o.results, 1, 100)) problems.results = "1 to 100.";
  if (!generate) return problems;
  if (!share(o.temperature)) problems.temperature = "0 to 1.";
  if (!share(o.topP)) problems.topP = "0 to 1.";
  if (!whole(o.maxTokens, 1, 65_536)) problems.maxTokens = "1 to 65,536.";
  if (o.template.trim() !== "" && !o.template.includes("$search_results$")) {
    problems.template = "$search_results$ has to be in it, or the model sees no passages.";
  } else if (o.template.length > 4000) problems.template = "4,000 characters at most.";
  return problems;
}

function retrieval(o: Options, region: string): KnowledgeBaseRetrievalConfiguration {
  const filter = filterOf(o.conditions, o.join);
  return {
    vectorSearchConfiguration: {
      ...(o.results === "" ? {} : { numberOfResults: Number(o.results) }),
      ...(o.search === "" ? {} : { overrideSearchType: o.search }),
      ...(filter ? { filter } : {}),
      ...(o.rerank === ""
        ? {}
        : {
            rerankingConfiguration: {
              type: "BEDROCK_RERANKING_MODEL",
              bedrockRerankingConfiguration: { modelConfiguration: { modelArn: modelArn(region, o.rerank) } },
            },
          }),
    },
  };
}

export function retrieveInput(base: string, question: string, o: Options, region: string): RetrieveInput {
  return {
    knowledgeBaseId: base,
    retrievalQuery: { text: question },
    retrievalConfiguration: retrieval(o, region),
  };
}

export function generateInput(
  base: string,
  question: string,
  o: Options,
  { region, model, session }: { region: string; model: string; session?: string | undefined },
): RetrieveAndGenerateStreamInput {
  const text: TextInferenceConfig = {
    ...(o.temperature === "" ? {} : { temperature: Number(o.temperature) }),
    ...(o.topP === "" ? {} : { topP: Number(o.topP) }),
    ...(o.maxTokens === "" ? {} : { maxTokens: Number(o.maxTokens) }),
  };
  const generation = {
    ...(o.template.trim() === "" ? {} : { promptTemplate: { textPromptTemplate: o.template } }),
    ...(Object.keys(text).length === 0 ? {} : { inferenceConfig: { textInferenceConfig: text } }),
  };
  return {
    input: { text: question },
    ...(session ? { sessionId: session } : {}),
    retrieveAndGenerateConfiguration: {
      type: "KNOWLEDGE_BASE",
      knowledgeBaseConfiguration: {
        knowledgeBaseId: base,
        modelArn: o.model || model,
        retrievalConfiguration: retrieval(o, region),
        ...(Object.keys(generation).length === 0 ? {} : { generationConfiguration: generation }),
        ...(o.decompose
          ? { orchestrationConfiguration: { queryTransformationConfiguration: { type: "QUERY_DECOMPOSITION" } } }
          : {}),
      },
    },
  };
}
