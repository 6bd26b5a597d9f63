import { expect, test } from "vitest";
import { pdfFragment } from "./pdf-link";

test.each<[string, number | undefined, string[], string]>([
  ["nothing is known", undefined, [], ""],
  ["the page is", 3, [], "#page=3"],
  [
    "a sentence is, over two lines",
    2,
    ["Apprentices have\n33 days. "],
    "#page=2:~:text=Apprentices%20have%2033%20days.",
  ],
  ["there is no page", undefined, ["Six."], "#:~:text=Six."],
  ["two sentences are", 1, ["One.", " ", "Two."], "#page=1:~:text=One.&text=Two."],
  ["a sentence is long", 1, ["a b c d e f g h i j k"], "#page=1:~:text=a%20b%20c%20d%20e,g%20h%20i%20j%20k"],
  [
    "its signs mean something in addresses",
    1,
    ["A-B, C & 100% #1"],
    "#page=1:~:text=A%2DB%2C%20C%20%26%20100%25%20%231",
  ],
  ["a letter is half of one", 1, ["a \ud83d"], "#page=1:~:text=a%20%EF%BF%BD"],
])("the fragment of a PDF where %s", (_, page, sentences, want) => {
  expect(pdfFragment(page, sentences)).toBe(want);
});
