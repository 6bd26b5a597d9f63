/**
 * Marks are places in a text of Markdown where an element of the page's own is put, the number of a citation for example.
 * They are rare punctuation, because Markdown lets emphasis end before punctuation; texts of others are rid of it before
 * marks are set.
 */
const begin = "\u2045";
const end = "\u2046";

/** The mark with a number, to be put into a text. */
export function markOf(n: number): string {
  return `${begin}${n}${end}`;
}

/** A text in which nothing is taken for a mark. It has as many characters as before. */
export function unmarked(text: string): string {
  return text.replaceAll(begin, "[").replaceAll(end, "]");
}

/** A text without its marks. */
export function withoutMarks(text: string): string {
  return text.replace(/\u2045\d+\u2046/g, "");
}

/** A text cut at its marks: texts and numbers in turns. */
export function atMarks(text: string): (string | number)[] {
  return text.split(/\u2045(\d+)\u2046/).map((part, i) => (i % 2 === 1 ? Number(part) : part));
}
