import type { CatalogModel, Price } from "@/api/outcrop.gen";
import type { Reply, Usage } from "./conversation";

/** The prices of a million tokens that hold for a prompt of so many, in dollars: those of long ones are all others. */
function ratesOf(prices: readonly Price[], prompt: number) {
  const tiers = [...new Set(prices.map((p) => p.aboveTokens))].filter((above) => above > 0 && prompt > above);
  const tier = tiers.length === 0 ? 0 : Math.max(...tiers);
  const at = (what: string, above: number): number | undefined => {
    const found = prices.find((p) => p.what === what && p.unit === "1M tokens" && p.aboveTokens === above);
    return found && Number.isFinite(Number(found.usd)) ? Number(found.usd) : undefined;
  };
  const input = at("input", 0);
  const long = tier > 0 ? (at("input", tier) ?? 0) : input;
  // What a cache costs is a share of what input costs.
  const ratio = tier > 0 && input && long !== undefined ? long / input : 1;
  return {
    input: long,
    output: tier > 0 ? (at("output", tier) ?? 0) : at("output", 0),
    cacheRead: (at("cacheRead", 0) ?? 0) * ratio,
    cacheWrite: (at("cacheWrite", 0) ?? 0) * ratio,
  };
}

/** What a use costs by the catalog's prices, in dollars, as it is billed; undefined where no price is known. */
export function costOf(prices: readonly Price[], usage: Usage): number | undefined {
  const read = usage.cacheReadInputTokens ?? 0;
  const written = usage.cacheWriteInputTokens ?? 0;
  const { input, output, cacheRead, cacheWrite } = ratesOf(prices, usage.inputTokens + read + written);
  if (input === undefined && output === undefined) return undefined;
  return (
    (usage.inputTokens * (input ?? 0) + usage.outputTokens * (output ?? 0) + read * cacheRead + written * cacheWrite) /
    1e6
  );
}

/** Tokens a second, from the first piece of an answer to its end. */
export function speedOf({ usage, firstMs, totalMs }: Reply): number | undefined {
  if (!usage || firstMs === undefined || totalMs === undefined || usage.outputTokens < 2) return undefined;
  // An answer that comes in one piece has taken as long as the whole request.
  const took = totalMs - firstMs > 5 ? totalMs - firstMs : totalMs;
  return took > 0 ? (usage.outputTokens * 1000) / took : undefined;
}

/** The prices of what a model is called by: by a profile they may be others. */
export function pricesOf(models: readonly CatalogModel[], identifier: string): readonly Price[] {
  const model = findModel(models, identifier);
  const name = identifier.slice(identifier.lastIndexOf("/") + 1);
  return model?.profilePrices[name] ?? model?.prices ?? [];
}

/** The model of the catalog that an identifier stands for: its ID, an ARN, or one of its profiles. */
export function findModel(models: readonly CatalogModel[], identifier: string): CatalogModel | undefined {
  const name = identifier.slice(identifier.lastIndexOf("/") + 1);
  return (
    models.find((m) => m.id === identifier || m.arn === identifier) ??
    models.find((m) => m.inferenceProfiles.includes(name) || m.id === name)
  );
}
