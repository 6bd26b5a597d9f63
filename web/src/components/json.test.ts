import { describe, expect, test } from "vitest";
import { jsonError } from "./json";

const parses = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("JSON is what the browser takes for it", () => {
  test.each([
    '{"a": [1, -2.5e+3, true, null, {"b": {}}], "c": "\\u00e9\\n\\""}',
    "[]",
    "{}",
    " null ",
    '"x"',
    "0",
    "01",
    "1.",
    ".5",
    "+1",
    "{",
    "[",
    "]",
    "[1,]",
    "[,1]",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{'a':1}",
    "{a:1}",
    '{"a":1 "b":2}',
    "[1 2]",
    "[1}",
    '{"a":1]',
    '"a\nb"',
    '"\\x"',
    '"open',
    "1 2",
    "{} {}",
    "tru",
    "NaN",
    "// x\n1",
  ])("%s", (text) => expect(jsonError(text) === undefined).toBe(parses(text)));
});

test.each([
  ["", "It is empty."],
  ['{\n  "a": 1,\n  "b": x\n}', "Line 3, column 8: a value is missing."],
  ['{"a": 1 "b": 2}', "Line 1, column 9: a comma or an end is missing."],
  ['{"a": [1, 2}', "Line 1, column 12: a comma or an end is missing."],
  ['{"a": 1,\n}', "Line 2, column 1: a name in quotes is missing."],
  ['{"a": [1, 2]', "Line 1, column 13: } is missing."],
  ["{} 1", "Line 1, column 4: there is more after the end."],
])("the fault of %s is told", (text, want) => expect(jsonError(text)).toBe(want));
