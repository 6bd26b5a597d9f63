import type { CatalogModel, Price } from "@/api/outcrop.gen";
import { money, none, words } from "@/components";

/** "TEXT", "SPEECH" as people read them. */
export function modalities(of: readonly string[]): string {
  return of.length === 0 ? none : of.map(words).join(", ");
}

const kinds: { [kind: string]: string } = {
  text: "Text",
  embedding: "Embeddings",
  image: "Image",
  video: "Video",
  speech: "Speech",
  rerank: "Rerank",
};

/** What a model makes. */
export const kindOf = (model: Pick<CatalogModel, "kind">) => kinds[model.kind] ?? words(model.kind);

/** The price of a million tokens, without a long context. */
export function priceOf({ prices }: Pick<CatalogModel, "prices">, what: string): string | undefined {
  return prices.find((p) => p.what === what && p.aboveTokens === 0 && p.unit === "1M tokens")?.usd;
}

const priced: { [what: string]: string } = {
  input: "Input",
  output: "Output",
  cacheRead: "Input read from the cache",
  cacheWrite: "Input written to the cache",
  cacheWrite1h: "Input written to the cache for an hour",
  batchInput: "Input in batches",
  batchOutput: "Output in batches",
  audioInput: "Audio input",
  audioOutput: "Audio output",
  imageInput: "Image input",
  imageOutput: "Image output",
  videoInput: "Video input",
  query: "Search query",
};

/** What a price is for: "Input above 200,000 tokens". */
export function priceLabel({ what, aboveTokens }: Price): string {
  const label = priced[what] ?? words(what);
  return aboveTokens > 0 ? `${label}, requests above ${aboveTokens.toLocaleString()} tokens` : label;
}

/** "$3.00 for 1M tokens". */
export const priceText = ({ usd, unit }: Price) => `${money(usd)} for ${/^\d/.test(unit) ? unit : `1 ${unit}`}`;
