import { describe, expect, test } from "vitest";
import {
  asPrefix,
  bucketFor,
  bucketProblem,
  fileName,
  hidden,
  keyOf,
  mostBytes,
  nameFor,
  nameProblem,
  refusal,
  refusalByContent,
  visible,
} from "./files";

test.each([
  ["a name", "report.pdf", "", "report.pdf"],
  ["a folder", "2026/Q1/report.pdf", "", "2026/Q1/report.pdf"],
  ["below a prefix", "report.pdf", "docs/", "docs/report.pdf"],
  ["decomposed letters", "re\u0301sume\u0301.pdf", "", "r\u00e9sum\u00e9.pdf"],
  ["emoji and spaces", " a \u{1f469}\u200d\u{1f680} +%20&.pdf", "", " a \u{1f469}\u200d\u{1f680} +%20&.pdf"],
  ["what listings cannot say", "a\u0000b\nc\uffff.txt", "", "a_b_c_.txt"],
  ["half of a character", "a\ud83d.txt", "", "a\ufffd.txt"],
  ["steps that lead elsewhere", "../.././a//b.txt", "", "a/b.txt"],
  ["nothing", "..", "", "unnamed"],
])("the key of %s", (_, path, prefix, want) => expect(keyOf(path, prefix)).toBe(want));

describe("what is refused before it is sent", () => {
  test.each([
    ["report.PDF", 10, undefined],
    ["notes", 10, undefined],
    ["data.unknown", 10, undefined],
    ["x.pdf.metadata.json", 100, undefined],
    ["empty.pdf", 0, "The file is empty."],
    ["photo.JPG", 10, "A file that ends in .jpg is a picture, which a knowledge base does not read."],
    ["data.json", 10, "A file that ends in .json is a data file, which a knowledge base does not read."],
    ["talk.pptx", 10, "A file that ends in .pptx is a presentation, which a knowledge base does not read."],
    ["big.pdf", mostBytes, undefined],
    ["big.pdf", mostBytes + 1, "The file has 51 MB. A document may have 50 MB at most."],
    ["x.metadata.json", 10 * 1024 + 1, "A metadata file may have 10 KB at most."],
    [`${"\u00e9".repeat(126)}.pdf`, 10, "A part of the name is longer than 255 bytes."],
    [`${"abcdefghi/".repeat(103)}a.pdf`, 10, "The name is longer than 1024 bytes."],
  ])("%s of %d bytes", (path, size, want) => expect(refusal(path, size)).toBe(want));

  const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  test.each([
    ["a.pdf", "%PDF-1.7", undefined],
    ["a.pdf", "junk before %PDF-1.4", undefined],
    ["a.pdf", "<html>", "The file is damaged: it is not the PDF file that its name says."],
    ["a.docx", "PK\u0003\u0004", undefined],
    ["a.docx", "hello", "The file is damaged: it is not the Word file that its name says."],
    ["a.xls", "<html>", undefined],
    ["a.txt", "hello", undefined],
    ["a.txt", "\u00ff\u00feh\u0000e\u0000", undefined],
    ["a.txt", "h\u0000e\u0000l\u0000l\u0000", undefined],
    ["a.txt", "ab\u0000\u0001cdefghijkl", "The file has binary content and is no document."],
    ["noending", "%PDF-1.7\u0000", undefined],
  ])("%s that begins with %j", (path, text, want) => expect(refusalByContent(path, bytes(text))).toBe(want));
});

test.each([
  ["docs/.DS_Store", true],
  [".git/config", true],
  ["docs/~$report.docx", true],
  ["docs/report.docx", false],
])("%s is hidden: %s", (path, want) => expect(hidden(path)).toBe(want));

test("names are made of what was chosen", () => {
  expect(nameFor(["Employee Handbook (2026).pdf"])).toBe("Employee-Handbook-2026");
  expect(nameFor(["Gr\u00f6\u00dfe.pdf"])).toBe("Gro-e");
  expect(nameFor(["\u65e5\u672c\u8a9e.pdf"])).toBe("documents");
  expect(nameFor(["folder/a.pdf", "folder/b.pdf"])).toBe("folder");
  expect(nameFor(["handbook.pdf"], ["handbook", "handbook-2"])).toBe("handbook-3");
  expect(nameProblem(nameFor([`${"x".repeat(300)}.pdf`]))).toBeUndefined();
  expect(bucketFor("Employee_Handbook", ["employee-handbook"])).toBe("employee-handbook-2");
  expect(bucketFor("a")).toBe("kb-a");
  expect(bucketProblem(bucketFor("x".repeat(90)))).toBeUndefined();
});

test.each(["ab", "Upper", "-a", "a..b", "10.0.0.1", "a_b"])("%s is no bucket", (name) =>
  expect(bucketProblem(name)).toBeDefined(),
);
test.each(["", "a b", "-a", "a--b", "\u00e9", "x".repeat(101)])("%j is no name", (name) =>
  expect(nameProblem(name)).toBeDefined(),
);

test("names of strangers do not steer the reader", () => {
  expect(visible("invoice\u202efdp.exe\n")).toBe("invoice\ufffdfdp.exe\ufffd");
  expect(fileName("s3://docs/2026/r\u00e9sum\u00e9.pdf")).toBe("r\u00e9sum\u00e9.pdf");
  expect(fileName("file:///home/ann/a%20b.txt")).toBe("a b.txt");
  expect(fileName("file:///home/100%.txt")).toBe("100%.txt");
});

test("a prefix ends with a slash", () => {
  expect(asPrefix(" /docs ")).toBe("docs/");
  expect(asPrefix("docs/")).toBe("docs/");
  expect(asPrefix(" ")).toBe("");
});
