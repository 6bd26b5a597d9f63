import type {
  Citation,
  KnowledgeBaseRetrievalResult,
  RetrievedReference,
  RetrieveAndGenerateStreamResponseOutput,
} from "@/api/bedrock-agent-runtime.gen";
import type { Json } from "@/api/types";
import { markOf, unmarked } from "@/components";

/** A passage of a document that was found. */
export interface Passage {
  /** What tells it from all others. */
  id: string;
  text: string;
  /** "s3://bucket/key", "file:///path" or an ID of a custom data source. */
  uri: string;
  /** Counted from 1; where the format has pages. */
  page?: number | undefined;
  score?: number | undefined;
  dataSourceId?: string | undefined;
  /** What the documents' owner says about it, without what the service adds. */
  attributes: { [key: string]: Json };
}

const reserved = "x-amz-bedrock-kb-";

/** A passage of either operation. */
export function passageOf(found: RetrievedReference & Pick<KnowledgeBaseRetrievalResult, "score">): Passage {
  const { metadata = {}, location } = found;
  const said = (key: string) => metadata[reserved + key];
  const source = said("source-uri");
  const uri =
    location?.s3Location?.uri ??
    location?.customDocumentLocation?.id ??
    location?.webLocation?.url ??
    (typeof source === "string" ? source : "");
  const text = found.content?.text ?? "";
  const chunk = said("chunk-id");
  const page = said("document-page-number");
  const dataSource = said("data-source-id");
  return {
    id: typeof chunk === "string" ? chunk : `${uri}\n${text}`,
    text,
    uri,
    page: typeof page === "number" ? page + 1 : undefined,
    score: found.score,
    dataSourceId: typeof dataSource === "string" ? dataSource : undefined,
    attributes: Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith(reserved))),
  };
}

/** A part of an answer, and the passages that it rests on by their places in Answer.passages. */
export interface Part {
  /** Behind the last character of the part, in code points; undefined where the service names none. */
  end?: number | undefined;
  text: string;
  passages: readonly number[];
}

/** An answer as far as it is there. */
export interface Answer {
  text: string;
  parts: readonly Part[];
  /** All passages that are cited, in the order in which they first are. */
  passages: readonly Passage[];
}

export const noAnswer: Answer = { text: "", parts: [], passages: [] };

/** An answer with one more event of its stream. */
export function withEvent(was: Answer, event: RetrieveAndGenerateStreamResponseOutput): Answer {
  if (event.output) return { ...was, text: was.text + event.output.text };
  const { citation } = event;
  // The members of the event itself are what older servers say it with.
  return citation ? withCitation(was, citation.citation ?? citation) : was;
}

function withCitation(was: Answer, { generatedResponsePart, retrievedReferences = [] }: Citation): Answer {
  const part = generatedResponsePart?.textResponsePart;
  const passages = [...was.passages];
  const cited: number[] = [];
  for (const reference of retrievedReferences) {
    const passage = passageOf(reference);
    let at = passages.findIndex((p) => p.id === passage.id);
    if (at < 0) at = passages.push(passage) - 1;
    if (!cited.includes(at)) cited.push(at);
  }
  const end = part?.span?.end;
  return {
    text: was.text,
    passages,
    parts: [...was.parts, { end: end === undefined ? undefined : end + 1, text: part?.text ?? "", passages: cited }],
  };
}

/** The text of an answer with marks behind what rests on something. The number of a mark is that of its part. */
export function marked({ text, parts }: Answer): string {
  // Positions are code points, where strings have two units for what is beyond the first 65,536.
  const points = Array.from(unmarked(text));
  const at = new Map<number, string>();
  parts.forEach(({ end, passages }, i) => {
    if (passages.length === 0) return;
    let place = Math.min(end ?? points.length, points.length);
    // Behind a line break a mark would begin the next line.
    while (place > 0 && /\s/.test(points[place - 1] ?? "")) place--;
    at.set(place, (at.get(place) ?? "") + markOf(i));
  });
  const out: string[] = [];
  for (let i = 0; i <= points.length; i++) out.push(at.get(i) ?? "", points[i] ?? "");
  return out.join("");
}

/** The words of a text that mean something, as they are compared. */
function terms(text: string): Set<string> {
  return new Set(
    Array.from(text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu), ([word]) => word).filter(
      (word) => word.length > 2 || /\p{N}|[^\u0000-\u024f]/u.test(word),
    ),
  );
}

/** A piece of a passage, and whether it is what the answer rests on. */
export interface Piece {
  text: string;
  strong: boolean;
}

/**
 * A passage cut into sentences, of which those that say what was asked or answered are strong: those that share most
 * words with it, and no more than a third of all.
 */
export function pieces(passage: string, said: string): Piece[] {
  const wanted = terms(said);
  const sentences = Array.from(
    new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(passage),
    (s) => s.segment,
  );
  const scores = sentences.map((sentence) => {
    const own = terms(sentence);
    const shared = [...own].filter((word) => wanted.has(word)).length;
    // Long sentences share more words by chance.
    return shared < 2 && shared < wanted.size ? 0 : shared / Math.sqrt(own.size + 4);
  });
  const best = Math.max(0, ...scores);
  const most = Math.max(1, Math.ceil(sentences.length / 3));
  const least = scores.toSorted((a, b) => b - a)[most - 1] ?? 0;
  const strong = scores.map((score) => best > 0 && score >= best * 0.6 && score >= least);
  return sentences.flatMap((text, i): Piece[] => {
    const end = text.trimEnd().length;
    // The space behind the last of them would be a bar of colour.
    if (!strong[i] || strong[i + 1] || end === text.length) return [{ text, strong: strong[i] ?? false }];
    return [
      { text: text.slice(0, end), strong: true },
      { text: text.slice(end), strong: false },
    ];
  });
}

/** Where a passage stands in the text of its document, white space apart; undefined where it does not. */
export function locate(document: string, passage: string): { start: number; end: number } | undefined {
  const words = passage.trim().split(/\s+/);
  if (words[0] === "" || words.length === 0) return undefined;
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  // A pattern of everything may be too long for the engine: the beginning finds the place, and the end is looked for.
  const head = new RegExp(escaped.slice(0, 12).join("\\s+"), "u").exec(document);
  if (!head) return undefined;
  const start = head.index;
  const tail = new RegExp(escaped.slice(-12).join("\\s+"), "gu");
  tail.lastIndex = start;
  const found = tail.exec(document);
  const longest = start + passage.length * 2 + 200;
  const end = found ? found.index + found[0].length : start + head[0].length;
  return { start, end: end <= longest ? end : start + head[0].length };
}
