import type { ContentBlock, DocumentFormat, ImageFormat } from "@/api/bedrock-runtime.gen";
import { toBase64 } from "@/client";

/** Bedrock's own limits on a message. */
export const limits = { images: 20, imageBytes: 3_750_000, documents: 5, documentBytes: 4_500_000 };

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

/** The fault of files together, each of which may be fine. */
export function faultOfAll(files: readonly File[]): string | undefined {
  const count = files.filter((file) => extensionOf(file.name) in images).length;
  if (count > limits.images) return `A message may have ${limits.images} images.`;
  if (files.length - count > limits.documents) return `A message may have ${limits.documents} documents.`;
  return undefined;
}

/** A name that Bedrock allows for a document: letters, digits, single spaces, hyphens and brackets. */
export function documentName(fileName: string, taken: ReadonlySet<string>): string {
  const base =
    fileName
      .replace(/\.[^.]*$/, "")
      .normalize("NFKD")
      .replace(/[^A-Za-z0-9\s\-()[\]]+/g, " ")
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, 190) || "document";
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base} (${n})`;
  return name;
}

/** The parts of a message that files are. */
export async function partsOf(files: readonly File[]): Promise<ContentBlock[]> {
  const taken = new Set<string>();
  const parts: ContentBlock[] = [];
  for (const file of files) {
    const content = new Uint8Array(await file.arrayBuffer());
    const bytes = toBase64(content);
    const extension = extensionOf(file.name);
    if (extension in images) {
      parts.push({ image: { format: imageFormat(content) ?? images[extension] ?? "png", source: { bytes } } });
      continue;
    }
    const name = documentName(file.name, taken);
    taken.add(name);
    parts.push({ document: { format: documents[extension] ?? "txt", name, source: { bytes } } });
  }
  return parts;
}
