import type { CatalogDetail, CatalogModel, ServedBy } from "@/api/outcrop.gen";

/** A model of a test. */
export function model(id: string, more: Partial<CatalogModel> = {}): CatalogModel {
  return {
    id,
    arn: `arn:aws:bedrock:us-east-1::foundation-model/${id}`,
    name: id,
    provider: "Amazon",
    family: "nova",
    kind: "text",
    inputModalities: ["TEXT"],
    outputModalities: ["TEXT"],
    lifecycle: "ACTIVE",
    endOfLife: null,
    contextWindow: 0,
    maxOutputTokens: 0,
    nativeFormat: "nova-messages",
    streaming: true,
    inferenceTypes: ["ON_DEMAND"],
    customizations: [],
    inferenceProfiles: [],
    regions: ["us-east-1"],
    servedBy: served("local", "nova"),
    unserved: "",
    prices: [],
    profilePrices: {},
    ...more,
  };
}

export function served(backend: string, name: string, more: Partial<ServedBy> = {}): ServedBy {
  return {
    backend,
    model: name,
    standIn: false,
    local: backend === "local",
    available: true,
    why: "",
    others: 0,
    ...more,
  };
}

export function detail(id: string, more: Partial<CatalogDetail> = {}): CatalogDetail {
  return {
    ...model(id),
    supports: {
      system: true,
      tools: true,
      toolStreaming: null,
      vision: false,
      documents: null,
      reasoning: false,
      promptCaching: false,
      structuredOutput: false,
      guardrails: false,
    },
    embeddingDimensions: [],
    provisionedIds: [],
    mantleModelId: "",
    profiles: [],
    promptCacheMinTokens: 0,
    outputBurndown: 1,
    route: "",
    candidates: [],
    fallback: [],
    ...more,
  };
}
