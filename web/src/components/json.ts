const token =
  /\s*(?:([[\]{},:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

/** What may follow, by what is expected and what has come. */
type Expected = "value" | "value or ]" | "name" | "name or }" | "colon" | "comma or end";

const expectations: { [expected in Expected]: string } = {
  value: "a value is missing",
  "value or ]": "a value or ] is missing",
  name: "a name in quotes is missing",
  "name or }": "a name in quotes or } is missing",
  colon: "a colon is missing",
  "comma or end": "a comma or an end is missing",
};

/** Where text stops being JSON, and why. Browsers do not agree on whether they say it, and none says it well. */
function fault(text: string): { at: number; why: string } | undefined {
  const open: string[] = [];
  let expected: Expected = "value";
  let at = 0;
  for (;;) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) break;
    const [all, mark, string] = match;
    const here = at + all.search(/\S/);
    const wrong = { at: here, why: expectations[expected] };
    if (open.length === 0 && expected === "comma or end") return { at: here, why: "there is more after the end" };
    if (mark === "]" || mark === "}") {
      const empty = mark === "]" ? "value or ]" : "name or }";
      if (open.pop() !== mark || (expected !== empty && expected !== "comma or end")) return wrong;
      expected = "comma or end";
    } else if (mark === ",") {
      if (expected !== "comma or end") return wrong;
      expected = open.at(-1) === "}" ? "name" : "value";
    } else if (mark === ":") {
      if (expected !== "colon") return wrong;
      expected = "value";
    } else if (expected === "name" || expected === "name or }") {
      if (string === undefined) return wrong;
      expected = "colon";
    } else if (expected !== "value" && expected !== "value or ]") {
      return wrong;
    } else if (mark === undefined) {
      expected = "comma or end";
    } else {
      open.push(mark === "[" ? "]" : "}");
      expected = mark === "[" ? "value or ]" : "name or }";
    }
    at += all.length;
  }
  const rest = text.slice(at).search(/\S/);
  if (rest >= 0) return { at: at + rest, why: expectations[expected] };
  if (open.length === 0 && expected === "comma or end") return undefined;
  return { at: text.trimEnd().length, why: open.length > 0 ? `${open.at(-1)} is missing` : expectations[expected] };
}

/** Why text is no JSON, with the line where it stops being it; undefined where it is. */
export function jsonError(text: string): string | undefined {
  if (text.trim() === "") return "It is empty.";
  const found = fault(text);
  if (!found) return undefined;
  const before = text.slice(0, found.at).split("\n");
  return `Line ${before.length}, column ${(before.at(-1) ?? "").length + 1}: ${found.why}.`;
}
