import type { ContentBlock, DocumentFormat, ImageFormat } from "@/api/bedrock-runtime.gen";
import { toBase64 } from "@/client";

/** Bedrock's own limits. The numbers are those of a request, that is of a whole conversation. */
export const limits = { images: 20, imageBytes: 3_750_000, documents: 5, documentBytes: 4_500_000, question: 1000 };

const images: { [extension: string]: ImageFormat } = {
  png: "png",
  jpg: "jpeg",
  jpeg: "jpeg",
  gif: "gif",
  webp: "webp",
};
const documents: { [extension: string]: DocumentFormat } = {
  pdf: "pdf",
  csv: "csv",
  doc: "doc",
  docx: "docx",
  xls: "xls",
  xlsx: "xlsx",
  html: "html",
  htm: "html",
  txt: "txt",
  md: "md",
};

/** What a file dialog offers. */
export const accept = [...Object.keys(images), ...Object.keys(documents)].map((extension) => `.${extension}`).join(",");

const formatNames = "PNG, JPEG, GIF and WebP images, and PDF, CSV, Word, Excel, HTML, text and Markdown documents";

/** A file that goes with the next message. */
export interface Attachment {
  id: string;
  file: File;
  /** Why it cannot go; then the message cannot either. */
  error?: string;
  /** The text of a file that was pasted and not chosen. */
  pasted?: string;
}

/** The most characters of a text and of its longest line: browsers lay out a field anew with each letter, whole lines at once. */
interface Bounds {
  text: number;
  line: number;
}

/** What is pasted beyond these is attached. */
const written: Bounds = { text: 50_000, line: 20_000 };

/** What of it can be put back, and edited: it takes a while, but not for ever. */
const writable: Bounds = { text: 200_000, line: 50_000 };

function within(text: string, bounds: Bounds): boolean {
  if (text.length > bounds.text) return false;
  if (text.length <= bounds.line) return true;
  for (let at = 0, end = 0; at <= text.length; at = end + 1) {
    end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    if (end - at > bounds.line) return false;
  }
  return true;
}

/** Whether a text becomes a document where it is pasted behind another one. */
export const tooLongToPaste = (pasted: string, before = "") =>
  !within(pasted, written) || (pasted.length > 1000 && !within(`${before}${pasted}`, writable));

/** Whether a text can be worked on in a field. */
export const canBeEdited = (text: string) => within(text, writable);

/** A text as a file, with a name that none of the others has. */
export function pastedFile(text: string, others: readonly Attachment[]): File {
  const taken = new Set(others.map(({ file }) => file.name));
  let name = "Pasted text.txt";
  for (let n = 2; taken.has(name); n++) name = `Pasted text (${n}).txt`;
  return new File([text.toWellFormed()], name, { type: "text/plain" });
}

function extensionOf(name: string): string {
  return /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** The kind of image that bytes begin as, whatever their file is called. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  if (bytes[0] === 0x89 && ascii(bytes, 1, 4) === "PNG") return "png";
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "jpeg";
  if (/^GIF8[79]a/.test(ascii(bytes, 0, 6))) return "gif";
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WEBP") return "webp";
  return undefined;
}

/** Why a file cannot go with a message; undefined where it can. */
export async function fault(file: File): Promise<string | undefined> {
  const extension = extensionOf(file.name);
  if (!(extension in images) && !(extension in documents)) return `Only ${formatNames} can be attached.`;
  if (file.size === 0) return "The file is empty.";
  if (extension in images) {
    if (file.size > limits.imageBytes) return "An image may have 3.75 MB.";
    const head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
    return imageFormat(head) ? undefined : "The file is named like an image, but it is none.";
  }
  if (file.size > limits.documentBytes) return "A document may have 4.5 MB.";
  return undefined;
}

/** What the messages before have attached. */
export interface Before {
  images: number;
  documents: number;
  names: ReadonlySet<string>;
}

export const nothingBefore: Before = { images: 0, documents: 0, names: new Set() };

/** What is attached to messages, those of the conversation that has most. */
export function attachedBefore(conversations: readonly (readonly ContentBlock[])[]): Before {
  const most = (what: "image" | "document") =>
    Math.max(0, ...conversations.map((content) => content.filter((part) => part[what]).length));
  const names = conversations.flat().flatMap((part) => (part.document ? [part.document.name] : []));
  return { images: most("image"), documents: most("document"), names: new Set(names) };
}

const isImage = (file: File) => extensionOf(file.name) in images;

/** The fault of files together, each of which may be fine. */
export function faultOfAll(files: readonly File[], before: Before = nothingBefore): string | undefined {
  const count = files.filter(isImage).length;
  const told = (what: "images" | "documents", there: number) =>
    there === 0
      ? `A message may have ${limits[what]} ${what}.`
      : `A conversation may have ${limits[what]} ${what}, and this one has ${there} already. Remove some, or begin a new one.`;
  if (count > 0 && before.images + count > limits.images) return told("images", before.images);
  if (files.length > count && before.documents + files.length - count > limits.documents)
    return told("documents", before.documents);
  return undefined;
}

/** Whether there are documents: they go with words alone. */
export const hasDocuments = (files: readonly File[]) => files.some((file) => !isImage(file));

/** A name that Bedrock allows for a document: letters, digits, single spaces, hyphens and brackets. */
export function documentName(fileName: string, taken: ReadonlySet<string>): string {
  const base =
    fileName
      .replace(/\.[^.]*$/, "")
      .normalize("NFKD")
      .replace(/[^A-Za-z0-9\s\-()[\]]+/g, " ")
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, 190)
      .trim() || "document";
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base} (${n})`;
  return name;
}

/** The part of a message that a file is; its bytes are base64. */
function partOf(file: File, bytes: string, format: ImageFormat | undefined, taken: Set<string>): ContentBlock {
  const extension = extensionOf(file.name);
  if (extension in images) return { image: { format: format ?? images[extension] ?? "png", source: { bytes } } };
  const name = documentName(file.name, taken);
  taken.add(name);
  return { document: { format: documents[extension] ?? "txt", name, source: { bytes } } };
}

/** The parts of a message that files are. */
export async function partsOf(files: readonly File[], names: ReadonlySet<string> = new Set()): Promise<ContentBlock[]> {
  const taken = new Set(names);
  const parts: ContentBlock[] = [];
  for (const file of files) {
    const content = new Uint8Array(await file.arrayBuffer());
    parts.push(partOf(file, toBase64(content), imageFormat(content), taken));
  }
  return parts;
}

/** The same without what is in the files, for requests that are only shown. */
export function outlineOf(files: readonly File[], names: ReadonlySet<string>): ContentBlock[] {
  const taken = new Set(names);
  return files.map((file) => partOf(file, "", undefined, taken));
}
