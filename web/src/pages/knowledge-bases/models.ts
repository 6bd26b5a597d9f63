import type { SelectProps } from "@cloudscape-design/components/select";
import type { Catalog, CatalogModel } from "@/api/outcrop.gen";
import { useOperator } from "@/client";

/** What the command line embeds with and answers with unless it is told otherwise. */
export const defaultEmbedding = "amazon.titan-embed-text-v2:0";
export const defaultChat = "anthropic.claude-3-5-sonnet-20241022-v2:0";

/** A model ID as the ARN that the API wants. */
export function modelArn(region: string, id: string): string {
  return id.startsWith("arn:") ? id : `arn:aws:bedrock:${region}::foundation-model/${id}`;
}

/** The ID in an ARN of a foundation model. */
export function modelId(arn: string): string {
  return /:foundation-model\/(.+)$/.exec(arn)?.[1] ?? arn;
}

export function useCatalog() {
  return useOperator<Catalog>("catalog");
}

/** What a model is asked for by: most new ones only by a profile. */
export function askedBy(model: CatalogModel): string {
  if (model.inferenceTypes.length === 0 || model.inferenceTypes.includes("ON_DEMAND")) return model.id;
  return model.inferenceProfiles[0] ?? model.id;
}

/** The models of a kind for a Select, by their providers. Those that nobody answers for cannot be chosen. */
export function modelOptions(models: readonly CatalogModel[], kind: string): SelectProps.OptionGroup[] {
  const groups = new Map<string, SelectProps.Option[]>();
  for (const model of models) {
    if (model.kind !== kind) continue;
    const { servedBy } = model;
    const option: SelectProps.Option = {
      value: askedBy(model),
      label: model.name || model.id,
      description: servedBy
        ? `${askedBy(model)}, answered by ${servedBy.backend}/${servedBy.model}${servedBy.standIn ? " (stand-in)" : ""}`
        : askedBy(model),
      filteringTags: [model.id, model.provider],
      disabled: !servedBy,
      ...(servedBy ? {} : { disabledReason: model.unserved || "Nobody here answers for it." }),
    };
    groups.set(model.provider, [...(groups.get(model.provider) ?? []), option]);
  }
  return [...groups].map(([label, options]) => ({ label, options }));
}

/** The model that is asked when nobody has chosen: the wanted one where it is served, else the first that is. */
export function pick(models: readonly CatalogModel[] | undefined, kind: string, wanted: string): string {
  const served = (models ?? []).filter((m) => m.kind === kind && m.servedBy);
  const found = served.find((m) => m.id === wanted || askedBy(m) === wanted) ?? served[0];
  return found && found.id !== wanted ? askedBy(found) : wanted;
}
