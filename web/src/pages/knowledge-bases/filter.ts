import type { RetrievalFilter } from "@/api/bedrock-agent-runtime.gen";
import type { Json } from "@/api/types";

/** How a condition compares, as the API and as people write it. */
export const operators = [
  { id: "equals", label: "equals", many: false },
  { id: "notEquals", label: "does not equal", many: false },
  { id: "greaterThan", label: "is greater than", many: false },
  { id: "greaterThanOrEquals", label: "is at least", many: false },
  { id: "lessThan", label: "is less than", many: false },
  { id: "lessThanOrEquals", label: "is at most", many: false },
  { id: "in", label: "is one of", many: true },
  { id: "notIn", label: "is none of", many: true },
  { id: "startsWith", label: "begins with", many: false },
  { id: "stringContains", label: "contains the text", many: false },
  { id: "listContains", label: "has in its list", many: false },
] as const;

export type OperatorId = (typeof operators)[number]["id"];

export interface Condition {
  key: string;
  operator: OperatorId;
  value: string;
}

/** A value as it is meant: numbers, true and false are those, and "quotes" make a text of anything. */
export function valueOf(text: string): Json {
  const trimmed = text.trim();
  if (/^-?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  if (trimmed === "true" || trimmed === "false") return trimmed === "true";
  if (/^".*"$/s.test(trimmed)) return trimmed.slice(1, -1);
  return trimmed;
}

/** The filter that conditions make; undefined without any that is whole. */
export function filterOf(conditions: readonly Condition[], join: "andAll" | "orAll"): RetrievalFilter | undefined {
  const list = conditions
    .filter((c) => c.key.trim() !== "" && c.value.trim() !== "")
    .map(({ key, operator, value }) => {
      const many = operators.find((o) => o.id === operator)?.many ?? false;
      const given = many ? value.split(",").map(valueOf) : valueOf(value);
      return { [operator]: { key: key.trim(), value: given } } as unknown as RetrievalFilter;
    });
  if (list.length < 2) return list[0];
  return { [join]: list } as unknown as RetrievalFilter;
}
