import type { ServedBy } from "@/api/outcrop.gen";

/** What is known of who answers for a model. */
export interface Answering {
  name: string;
  servedBy: ServedBy | null;
  unserved: string;
}

/** Where the answers for a model come from, for a filter. */
export type Place = "local" | "remote" | "nobody";

export function placeOf({ servedBy }: Pick<Answering, "servedBy">): Place {
  if (!servedBy) return "nobody";
  return servedBy.local ? "local" : "remote";
}

/** The backend and its model: "local/qwen3". */
export function nameOfServed({ backend, model }: ServedBy): string {
  return model === "" || model === "*" ? backend : `${backend}/${model}`;
}

/** Says plainly who answers for a model. */
export function answeredText({ name, servedBy, unserved }: Answering): string {
  if (!servedBy) return unserved || `Nobody here answers for ${name}.`;
  const who = nameOfServed(servedBy);
  const text = servedBy.standIn
    ? `Requests for ${name} are answered by ${who} instead. It is another model, with other abilities and its own licence.`
    : `Requests for ${name} are answered by ${who}.`;
  if (servedBy.available) return text;
  return `${text} It is not available now: ${servedBy.why || "it does not answer."}`;
}
