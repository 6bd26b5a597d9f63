/** So many words of either end tell a long sentence. */
const ends = 5;

/** A text as it may stand in a text directive, to which hyphens, commas and ampersands mean something. */
const encoded = (words: readonly string[]) => encodeURIComponent(words.join(" ").toWellFormed()).replaceAll("-", "%2D");

/**
 * What is behind the # of a PDF's address for browsers to open it where these sentences are, highlighted: the directive of
 * https://wicg.github.io/scroll-to-text-fragment/, and the page for those that do not know it.
 */
export function pdfFragment(page: number | undefined, sentences: readonly string[]): string {
  const texts = sentences
    .map((sentence) => sentence.trim().split(/\s+/))
    .filter((words) => words[0] !== "")
    .map((words) =>
      words.length <= 2 * ends ? encoded(words) : `${encoded(words.slice(0, ends))},${encoded(words.slice(-ends))}`,
    );
  const directive = texts.length === 0 ? "" : `:~:${texts.map((text) => `text=${text}`).join("&")}`;
  const fragment = (page === undefined ? "" : `page=${page}`) + directive;
  return fragment === "" ? "" : `#${fragment}`;
}
