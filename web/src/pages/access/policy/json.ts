/** A value of a JSON text with its place in it. */
export interface JsonNode {
  kind: "object" | "array" | "string" | "number" | "word";
  /** The value of a string, number, true, false or null. */
  value?: string | number | boolean | null;
  members?: JsonMember[];
  items?: JsonNode[];
  start: number;
  end: number;
}

export interface JsonMember {
  name: string;
  start: number;
  end: number;
  value: JsonNode;
}

export interface JsonFault {
  at: number;
  text: string;
}

/** More than a policy needs, and less than what a stack holds. */
const deepest = 64;

class Fault extends Error {
  readonly at: number;
  constructor(at: number, text: string) {
    super(text);
    this.at = at;
  }
}

/** Reads JSON and keeps where everything stands, which JSON.parse does not tell. */
export function readJson(text: string): { root?: JsonNode; fault?: JsonFault } {
  let at = 0;

  const space = () => {
    while (at < text.length && " \t\r\n".includes(text.charAt(at))) at++;
  };
  const shown = () => (at >= text.length ? "The text ends too early" : `There is ${JSON.stringify(text[at])}`);
  const expect = (what: string): never => {
    throw new Fault(Math.min(at, text.length), `${shown()} where ${what} is expected.`);
  };

  const string = (): JsonNode => {
    const start = at;
    for (at++; ; at++) {
      const c = text[at];
      if (c === undefined || c === "\n") throw new Fault(start, "This string has no closing quote.");
      if (c === "\\") at++;
      if (c === '"') break;
    }
    at++;
    try {
      return { kind: "string", value: JSON.parse(text.slice(start, at)) as string, start, end: at };
    } catch {
      throw new Fault(start, "This string has an escape or a character that JSON does not allow.");
    }
  };

  const object = (depth: number): JsonNode => {
    const start = at++;
    const members: JsonMember[] = [];
    for (space(); text[at] !== "}"; space()) {
      if (members.length > 0) {
        if (text[at] !== ",") expect("a comma or }");
        const comma = at++;
        space();
        if (text[at] === "}") throw new Fault(comma, "There is a comma behind the last member.");
      }
      if (text[at] !== '"') expect("the name of a member in quotes");
      const name = string();
      space();
      if (text[at] !== ":") expect("a colon");
      at++;
      members.push({ name: String(name.value), start: name.start, end: name.end, value: value(depth + 1) });
    }
    at++;
    return { kind: "object", members, start, end: at };
  };

  const array = (depth: number): JsonNode => {
    const start = at++;
    const items: JsonNode[] = [];
    for (space(); text[at] !== "]"; space()) {
      if (items.length > 0) {
        if (text[at] !== ",") expect("a comma or ]");
        const comma = at++;
        space();
        if (text[at] === "]") throw new Fault(comma, "There is a comma behind the last item.");
      }
      items.push(value(depth + 1));
    }
    at++;
    return { kind: "array", items, start, end: at };
  };

  const scalar = (): JsonNode => {
    const start = at;
    const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/.exec(
      text.slice(at, at + 64),
    )?.[0];
    if (word === undefined) return expect("a value");
    at += word.length;
    const value = JSON.parse(word) as number | boolean | null;
    return { kind: typeof value === "number" ? "number" : "word", value, start, end: at };
  };

  const value = (depth: number): JsonNode => {
    if (depth > deepest) throw new Fault(at, "This is nested too deep.");
    space();
    switch (text[at]) {
      case "{":
        return object(depth);
      case "[":
        return array(depth);
      case '"':
        return string();
      default:
        return scalar();
    }
  };

  try {
    space();
    if (at >= text.length) throw new Fault(0, "It is empty.");
    const root = value(0);
    space();
    if (at < text.length) throw new Fault(at, "There is something behind the end of the JSON.");
    return { root };
  } catch (thrown) {
    if (thrown instanceof Fault) return { fault: { at: thrown.at, text: thrown.message } };
    throw thrown;
  }
}

/** The value of a member of an object. */
export function memberOf(node: JsonNode | undefined, name: string): JsonNode | undefined {
  return node?.members?.find((m) => m.name === name)?.value;
}

/** The statements of a policy, in their order. */
export function statementsOf(root: JsonNode | undefined): JsonNode[] {
  const statement = memberOf(root, "Statement");
  if (!statement) return [];
  return statement.items ?? [statement];
}

/** Line and column of a place, both from 1. */
export function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  return { line, column: at - before.lastIndexOf("\n") };
}
