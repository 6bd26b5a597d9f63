import type { Table } from "@/api/types";

/** Writes an input of the query protocol. */
export function formEncode(action: string, version: string, input: object): string {
  const form = new URLSearchParams({ Action: action, Version: version });
  const write = (name: string, value: unknown): void => {
    if (value === undefined || value === null) return;
    if (Array.isArray(value)) {
      // An empty list is written as its bare name, so that it is not taken for an absent one.
      if (value.length === 0) form.set(name, "");
      value.forEach((item, i) => write(`${name}.member.${i + 1}`, item));
    } else if (typeof value === "object") {
      for (const [key, of] of Object.entries(value)) write(`${name}.${key}`, of);
    } else {
      form.set(name, typeof value === "string" ? value : JSON.stringify(value));
    }
  };
  for (const [name, value] of Object.entries(input)) write(name, value);
  return form.toString();
}

const child = (of: Element, tag: string) => Array.from(of.children).find((c) => c.localName === tag);

/** Reads an element of XML by its table. */
export function readXml(of: Element, table: Table): unknown {
  const text = of.textContent;
  if (table === "s") return text;
  if (table === "n") return Number(text);
  if (table === "b") return text === "true";
  if (Array.isArray(table)) return readCollection(of, table as readonly [string, Table]);
  const out: { [key: string]: unknown } = {};
  for (const [key, member] of Object.entries(table) as [string, Table][]) {
    const name = key.replace(/!$/, "");
    const element = child(of, name);
    if (element) out[name] = readXml(element, member);
    else if (name !== key) out[name] = (member as readonly unknown[]).length === 2 ? [] : {};
  }
  return out;
}

function readCollection(of: Element, table: readonly [string, Table] | readonly [string, string, string, Table]) {
  const items = Array.from(of.children).filter((c) => c.localName === table[0]);
  if (table.length === 2) return items.map((item) => readXml(item, table[1]));
  const [, keyTag, valueTag, value] = table;
  return Object.fromEntries(
    items.map((item) => {
      const element = child(item, valueTag);
      return [child(item, keyTag)?.textContent ?? "", element ? readXml(element, value) : undefined];
    }),
  );
}

/** Reads an answer of the query protocol. */
export function readResult(text: string, wrapper: string | undefined, table: Table): unknown {
  const root = new DOMParser().parseFromString(text, "application/xml").documentElement;
  const at = wrapper ? child(root, wrapper) : root;
  return at ? readXml(at, table) : readXml(root, table);
}
