/** A word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_/.,:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The command that makes a folder of the server's machine a source, alone or with its base. */
export function folderCommand(of: {
  base: string;
  make: boolean;
  folder: string;
  watch: boolean;
  chunking?: string | undefined;
  model?: string | undefined;
  /** Of a base that is made; empty: none is said. */
  dimensions?: string;
  description?: string;
  data?: string | undefined;
  region?: string | undefined;
}): string {
  const words = ["outcrop"];
  if (of.data) words.push("--data", of.data);
  words.push("kb");
  if (of.make) words.push("create", of.base, "--from", of.folder);
  else words.push("add", of.base, of.folder);
  if (of.model) words.push("--model", of.model);
  if (of.make && of.dimensions) words.push("--dimensions", of.dimensions);
  if (of.make && of.description) words.push("--description", of.description);
  if (of.chunking) words.push("--chunking", of.chunking);
  if (of.watch) words.push("--watch");
  words.push("--sync");
  if (of.region) words.push("--region", of.region);
  return words.map(quoted).join(" ");
}
