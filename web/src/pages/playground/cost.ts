import type { CatalogModel, Price } from "@/api/outcrop.gen";
import type { Reply, Usage } from "./conversation";

/** The price that holds for a prompt of so many tokens. */
function priceOf(prices: readonly Price[], what: string, prompt: number): number | undefined {
  const fitting = prices.filter(
    (p) => p.what === what && p.unit === "1M tokens" && (p.aboveTokens === 0 || prompt > p.aboveTokens),
  );
  const best = fitting.toSorted((a, b) => b.aboveTokens - a.aboveTokens)[0];
  return best && Number.isFinite(Number(best.usd)) ? Number(best.usd) : undefined;
}

/** What a use costs by the catalog's prices, in dollars; undefined where no price is known. */
export function costOf(prices: readonly Price[], usage: Usage): number | undefined {
  const read = usage.cacheReadInputTokens ?? 0;
  const written = usage.cacheWriteInputTokens ?? 0;
  const prompt = usage.inputTokens + read + written;
  const input = priceOf(prices, "input", prompt);
  const output = priceOf(prices, "output", prompt);
  if (input === undefined && output === undefined) return undefined;
  const cacheRead = priceOf(prices, "cacheRead", prompt) ?? 0;
  const cacheWrite = priceOf(prices, "cacheWrite", prompt) ?? 0;
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

/** The model of the catalog that an identifier stands for: its ID, an ARN, or one of its profiles. */
export function findModel(models: readonly CatalogModel[], identifier: string): CatalogModel | undefined {
  const name = identifier.slice(identifier.lastIndexOf("/") + 1);
  return (
    models.find((m) => m.id === identifier || m.arn === identifier) ??
    models.find((m) => m.inferenceProfiles.includes(name) || m.id === name)
  );
}
