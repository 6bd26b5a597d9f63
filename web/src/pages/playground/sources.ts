import type { Citation, RetrievedReference } from "@/api/bedrock-agent-runtime.gen";

/** A passage that a reply names as its source. */
export interface Source {
  number: number;
  /** Where it is from: an S3 URI, an address, an ID. */
  place: string;
  text: string;
}

function placeOf({ location }: RetrievedReference): string {
  if (!location) return "";
  const found =
    location.s3Location?.uri ??
    location.webLocation?.url ??
    location.customDocumentLocation?.id ??
    location.confluenceLocation?.url ??
    location.salesforceLocation?.url ??
    location.sharePointLocation?.url ??
    location.kendraDocumentLocation?.uri ??
    location.sqlLocation?.query;
  return typeof found === "string" ? found : "";
}

/** A reply's text with the numbers of its sources behind what they are for, and the sources. */
export function withSources(text: string, citations: readonly Citation[]): { text: string; sources: Source[] } {
  const sources: Source[] = [];
  const known = new Map<string, Source>();
  let marked = "";
  let rest = text;
  for (const { generatedResponsePart, retrievedReferences } of citations) {
    const numbers: number[] = [];
    for (const reference of Array.isArray(retrievedReferences) ? retrievedReferences : []) {
      const place = placeOf(reference);
      const passage = typeof reference.content?.text === "string" ? reference.content.text : "";
      const key = `${place}\n${passage}`;
      let source = known.get(key);
      if (!source) {
        source = { number: sources.length + 1, place, text: passage };
        known.set(key, source);
        sources.push(source);
      }
      if (!numbers.includes(source.number)) numbers.push(source.number);
    }
    const part = generatedResponsePart?.textResponsePart?.text;
    if (numbers.length === 0 || typeof part !== "string" || part.trim() === "") continue;
    // Found by its words: what a place in the text is counted in differs between servers.
    const words = part.trim();
    const at = rest.indexOf(words);
    if (at < 0) continue;
    const end = at + words.length;
    marked += `${rest.slice(0, end)} ${numbers.map((n) => `[${n}]`).join("")}`;
    rest = rest.slice(end);
  }
  return { text: marked + rest, sources };
}
