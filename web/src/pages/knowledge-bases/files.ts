/** What may be uploaded to a knowledge base, and under which key. No request is made here. */

/** The largest document that a sync reads. */
export const mostBytes = 50 * 1024 * 1024;
/** The largest metadata file, "report.pdf.metadata.json". */
export const mostMetadataBytes = 10 * 1024;
/** The longest key of an object, in bytes of UTF-8, and the longest name between two slashes. */
const mostKeyBytes = 1024;
const mostNameBytes = 255;

/** What the server reads, by the ending of the name. */
export const readable = [
  ".pdf",
  ".docx",
  ".docm",
  ".dotx",
  ".doc",
  ".dot",
  ".xlsx",
  ".xlsm",
  ".xltx",
  ".xls",
  ".xlt",
  ".html",
  ".htm",
  ".xhtml",
  ".md",
  ".markdown",
  ".mdown",
  ".mkd",
  ".txt",
  ".text",
  ".log",
  ".csv",
  ".tsv",
  ".tab",
] as const;

/** For people: what the fields and empty states say. */
export const readableInWords = "PDF, Word, Excel, HTML, Markdown, text or CSV, up to 50 MB each";

/** What the server skips whatever is in it, with what it is. */
const skipped: readonly (readonly [string, string])[] = [
  ["a picture", ".png .jpg .jpeg .gif .bmp .tif .tiff .webp .heic .ico .psd .svg"],
  ["a sound file", ".mp3 .wav .flac .ogg .m4a"],
  ["a video", ".mp4 .m4v .mov .avi .mkv .webm"],
  ["a presentation", ".ppt .pptx .odp .key"],
  ["an archive", ".zip .gz .tgz .bz2 .xz .zst .tar .7z .rar .jar"],
  ["a program", ".exe .dll .so .dylib .bin .class .wasm"],
  ["a font", ".ttf .otf .woff .woff2"],
  ["a data file", ".parquet .avro .sqlite .db .pkl .npy .json .jsonl .ndjson .xml .xsd .xsl .yaml .yml .toml"],
  ["a settings file", ".ini .cfg .conf .properties .lock"],
  ["Rich Text", ".rtf"],
  [
    "program code",
    ".js .mjs .cjs .jsx .ts .tsx .css .scss .py .ipynb .go .java .kt .c .h .cc .cpp .hpp .cs .rs .rb .php .pl .sh .bat .ps1 .sql .r .swift .scala .lua .tf .proto",
  ],
];

const skippedBy = new Map(skipped.flatMap(([what, endings]) => endings.split(" ").map((e) => [e, what] as const)));

const ending = (name: string) => /\.[^./]+$/.exec(name)?.[0].toLowerCase() ?? "";
const utf8 = new TextEncoder();

const isMetadata = (name: string) => name.toLowerCase().endsWith(".metadata.json");

/** A file that somebody chose, and the path that it has below what was chosen: "2026/report.pdf". */
export interface Chosen {
  file: File;
  path: string;
}

/** The path of a file that came from a folder, its name where it came alone. */
export function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

/**
 * The key that a path gets below a prefix. Slashes stay, letters are composed as all systems but the Mac's have them, and
 * what no listing of a bucket can say (control characters) is replaced.
 */
export function keyOf(path: string, prefix = ""): string {
  const parts = path
    .normalize("NFC")
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    .replace(/[\u0000-\u001f\u007f\ufffe\uffff]/g, "_")
    .toWellFormed()
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..");
  return prefix + (parts.join("/") || "unnamed");
}

/** A prefix as keys begin with it: no slash in front, one at the end. */
export function asPrefix(text: string): string {
  const trimmed = text.trim().replace(/^\/+/, "");
  return trimmed === "" || trimmed.endsWith("/") ? trimmed : `${trimmed}/`;
}

/** Files that nobody means to upload when they choose a folder. */
export function hidden(path: string): boolean {
  const name = path.split("/").at(-1) ?? "";
  return (
    path.split("/").some((part) => part.startsWith(".") && part.length > 1) ||
    /^(~\$|desktop\.ini$|thumbs\.db$)/i.test(name)
  );
}

/** Why a file is not uploaded, by its name and size; undefined when nothing speaks against it. */
export function refusal(path: string, size: number): string | undefined {
  const key = keyOf(path);
  const name = key.split("/").at(-1) ?? "";
  const end = ending(name);
  if (utf8.encode(key).length > mostKeyBytes) return `The name is longer than ${mostKeyBytes} bytes.`;
  if (key.split("/").some((part) => utf8.encode(part).length > mostNameBytes)) {
    return `A part of the name is longer than ${mostNameBytes} bytes.`;
  }
  if (size === 0) return "The file is empty.";
  if (isMetadata(name)) {
    return size > mostMetadataBytes ? "A metadata file may have 10 KB at most." : undefined;
  }
  const what = skippedBy.get(end);
  if (what) return `A file that ends in ${end} is ${what}, which a knowledge base does not read.`;
  if (size > mostBytes) {
    return `The file has ${Math.ceil(size / 1024 / 1024)} MB. A document may have 50 MB at most.`;
  }
  return undefined;
}

const zip = "PK\u0003\u0004";
const ole = "\u00d0\u00cf\u0011\u00e0";

/** Why the beginning of a file speaks against it. It is the server's own judgement, made before anything is sent. */
export function refusalByContent(path: string, head: Uint8Array): string | undefined {
  const end = ending(path);
  const latin = Array.from(head.subarray(0, 1024), (b) => String.fromCharCode(b)).join("");
  if (end === ".pdf") {
    return latin.includes("%PDF-") ? undefined : "The file is damaged: it is not the PDF file that its name says.";
  }
  if (latin.startsWith("%PDF-")) return undefined;
  const office: readonly [string, RegExp][] = [
    ["Word", /^\.(docx|docm|dotx)$/],
    ["Excel", /^\.(xlsx|xlsm|xltx)$/],
    ["Word", /^\.(doc|dot)$/],
    ["Excel", /^\.(xls|xlt)$/],
  ];
  for (const [name, of] of office) {
    // Programs save HTML under names of Office, too, which is read.
    if (of.test(end)) {
      const known = latin.startsWith(zip) || latin.startsWith(ole) || latin.trimStart().startsWith("<");
      return known ? undefined : `The file is damaged: it is not the ${name} file that its name says.`;
    }
  }
  const wide = /^(\u00ff\u00fe|\u00fe\u00ff|\u0000\u0000\u00fe\u00ff)/.test(latin);
  if (!wide && latin.includes("\u0000") && !plainWide(head)) return "The file has binary content and is no document.";
  return undefined;
}

/** Whether bytes may be UTF-16 without a mark: every other one is zero. */
function plainWide(head: Uint8Array): boolean {
  const bytes = head.subarray(0, 64);
  const zeros = (odd: number) => bytes.filter((b, i) => i % 2 === odd && b === 0).length;
  return bytes.length > 3 && (zeros(0) > bytes.length * 0.4 || zeros(1) > bytes.length * 0.4);
}

/** All that speaks against a file. */
export async function check({ file, path }: Chosen): Promise<string | undefined> {
  const known = refusal(path, file.size);
  if (known) return known;
  try {
    return refusalByContent(path, new Uint8Array(await file.slice(0, 4096).arrayBuffer()));
  } catch {
    return "The file cannot be read. It may have been moved, or be a folder.";
  }
}

const pad = (text: string) => (text === "" ? "documents" : text);

/** A word of the letters that names of resources may have. */
function slug(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^0-9a-zA-Z]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

/** The name that is proposed for a base of these files, which none of taken is. */
export function nameFor(paths: readonly string[], taken: readonly string[] = []): string {
  const first = paths[0] ?? "";
  const folder = first.includes("/") ? first.split("/")[0] : undefined;
  const stem = pad(slug(folder ?? first.replace(/\.[^.]+$/, "")).slice(0, 80));
  return distinct(stem, taken);
}

/** stem, or stem-2, stem-3, … until none of taken is that. */
export function distinct(stem: string, taken: readonly string[]): string {
  let name = stem;
  for (let n = 2; taken.includes(name); n++) name = `${stem}-${n}`;
  return name;
}

/** A bucket's name for a base. */
export function bucketFor(name: string, taken: readonly string[] = []): string {
  const stem = pad(slug(name).toLowerCase()).slice(0, 50).replace(/-+$/, "");
  return distinct(stem.length < 3 ? `kb-${stem}` : stem, taken);
}

/** What is wrong with a bucket's name; undefined: nothing. */
export function bucketProblem(name: string): string | undefined {
  if (name.length < 3 || name.length > 63) return "A bucket's name has 3 to 63 characters.";
  if (!/^[a-z0-9][a-z0-9.-]*[a-z0-9]$/.test(name)) {
    return "A bucket's name has small letters, digits, dots and hyphens, and begins and ends with a letter or digit.";
  }
  if (name.includes("..") || /^\d+\.\d+\.\d+\.\d+$/.test(name)) return "This is no name of a bucket.";
  return undefined;
}

/** What is wrong with the name of a base or data source; undefined: nothing. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "A name is needed.";
  // The service model's own pattern.
  return /^([0-9a-zA-Z][_-]?){1,100}$/.test(name)
    ? undefined
    : "A name has letters of the English alphabet and digits, with single hyphens or underscores between them, 100 characters at most.";
}

/** A text of strangers on one line: what would steer the reader's eyes shows as a replacement character. */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** The bucket and key of "s3://bucket/key". */
export function parseUri(uri: string): { bucket: string; key: string } | undefined {
  const found = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri);
  return found ? { bucket: found[1] ?? "", key: found[2] ?? "" } : undefined;
}

/** The name that a document goes by: what is behind the last slash of its address. */
export function fileName(uri: string): string {
  const isFile = uri.startsWith("file://");
  const name = uri.replace(/\/+$/, "").split("/").at(-1) ?? uri;
  if (!isFile) return visible(name);
  try {
    return visible(decodeURIComponent(name));
  } catch {
    return visible(name);
  }
}
