import type { SelectProps } from "@cloudscape-design/components/select";
import type { CatalogModel, ModelAccess, Price } from "@/api/outcrop.gen";
import { money } from "@/components";

/** The models that one can talk to: those that answer here first, then stand-ins, then those that nobody answers for. */
export function talking(models: readonly CatalogModel[]): CatalogModel[] {
  const rank = ({ servedBy }: CatalogModel) =>
    servedBy === null ? 3 : servedBy.available ? (servedBy.standIn ? 1 : 0) : 2;
  const ageing = ({ lifecycle }: CatalogModel) => (lifecycle === "ACTIVE" ? 0 : 1);
  return models
    .filter((model) => model.kind === "text" && model.outputModalities.includes("TEXT"))
    .toSorted(
      (a, b) =>
        rank(a) - rank(b) ||
        ageing(a) - ageing(b) ||
        a.provider.localeCompare(b.provider) ||
        a.name.localeCompare(b.name),
    );
}

/** What a model has to be called by: its ID, or the first profile where it is only to be had by one. */
export function identifierOf(model: CatalogModel): string {
  if (model.inferenceTypes.length === 0 || model.inferenceTypes.includes("ON_DEMAND")) return model.id;
  return model.inferenceProfiles[0] ?? model.id;
}

/** What the models that the account may not use lack, by their IDs. */
export type Missing = ReadonlyMap<string, string>;

const lacks: { [status: string]: string } = {
  PENDING: "Access waits for approval",
  DENIED: "Access was denied",
};

/** The models that need access first, and what is known of it. */
export function missingAccess(access: ModelAccess | undefined): Missing {
  if (!access || access.mode === "auto") return new Map();
  return new Map(
    access.models
      .filter(({ status }) => status !== "AVAILABLE")
      .map(({ id, status }) => [id, lacks[status] ?? "Needs access"]),
  );
}

function perMillion(prices: readonly Price[]): string | undefined {
  const of = (what: string) =>
    prices.find((p) => p.what === what && p.aboveTokens === 0 && p.unit === "1M tokens")?.usd;
  const input = of("input");
  const output = of("output");
  if (input === undefined && output === undefined) return undefined;
  return `${money(input)} in, ${money(output)} out for 1M tokens`;
}

/** Who answers for a model, in a few words. */
export function answeredBy({ servedBy, unserved }: CatalogModel): string {
  if (!servedBy) return unserved || "Nobody here answers for it";
  if (!servedBy.available) return servedBy.why || "Not available now";
  return servedBy.standIn ? `Stand-in: ${servedBy.backend}/${servedBy.model}` : `Served by ${servedBy.backend}`;
}

/** The models as a list to choose from, in groups. */
export function modelOptions(models: readonly CatalogModel[], missing: Missing = new Map()): SelectProps.OptionGroup[] {
  const groups = new Map<string, SelectProps.Option[]>([
    ["Served here", []],
    ["Answered by stand-ins", []],
    ["Need access", []],
    ["Not available", []],
  ]);
  for (const model of talking(models)) {
    const { servedBy } = model;
    const lack = missing.get(model.id);
    const group = !servedBy?.available
      ? "Not available"
      : lack
        ? "Need access"
        : servedBy.standIn
          ? "Answered by stand-ins"
          : "Served here";
    const price = perMillion(model.prices);
    groups.get(group)?.push({
      value: model.id,
      label: model.name,
      labelTag: model.provider,
      description: model.id,
      tags: [...(lack ? [lack] : []), answeredBy(model), ...(price ? [price] : [])],
      filteringTags: [model.family, ...model.inferenceProfiles],
      ...(servedBy ? {} : { disabled: true }),
    });
  }
  return [...groups].flatMap(([label, options]) => (options.length === 0 ? [] : [{ label, options }]));
}

/** The options that have all words of a search, in any order. */
export function searched(groups: readonly SelectProps.OptionGroup[], search: string): SelectProps.OptionGroup[] {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ label, labelTag, description, tags = [], filteringTags = [] }: SelectProps.Option) => {
    const text = [label, labelTag, description, ...tags, ...filteringTags].join("\n").toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  return groups.flatMap((group) => {
    const options = group.options.filter(fits);
    return options.length === 0 ? [] : [{ ...group, options }];
  });
}
