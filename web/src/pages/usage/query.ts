import { dayOf, isCustom, ranges, spanOf, stepOf, type Span, type Step } from "./range";
import type { Sums, Usage, UsageRow } from "@/api/outcrop.gen";

/** What calls can be told apart by, beside tags. */
export const groupings = [
  ["model", "Model"],
  ["name", "Principal"],
  ["principal", "Principal (ARN)"],
  ["operation", "Operation"],
  ["region", "Region"],
  ["served-by", "Answered by"],
  ["outcome", "Outcome"],
] as const;

/** The filters of the server, by its parameters. */
export const filterNames = [
  ["model", "Model"],
  ["principal", "Principal"],
  ["operation", "Operation"],
  ["region", "Region"],
  ["servedBy", "Answered by"],
  ["code", "Outcome"],
] as const;

export interface Filters {
  [parameter: string]: string;
}

/** What the page shows. It stands in the address. */
export interface View {
  range: string;
  span: Span;
  step: Step;
  /** "model", "tag:team" */
  group: string;
  measure: Measure;
  filters: Filters;
}

export type Measure = "cost" | "tokens" | "input" | "output" | "requests" | "errors";

export const measures: { readonly [M in Measure]: string } = {
  cost: "Cost",
  tokens: "Tokens",
  input: "Input tokens",
  output: "Output tokens",
  requests: "Requests",
  errors: "Errors",
};

/** Reads the view of an address. What makes no sense is as if it were not there. */
export function viewOf(params: URLSearchParams, now: Date): View {
  const asked = params.get("range") ?? "";
  const range = isCustom(asked) || ranges.some(([id]) => id === asked) ? asked : "7d";
  const span = spanOf(range, now);
  const group = params.get("group") ?? "model";
  const known = groupings.some(([id]) => id === group) || /^tag:.{1,256}$/s.test(group);
  const measure = params.get("measure") ?? "cost";
  const filters: Filters = {};
  for (const [name] of filterNames) {
    const value = params.get(name === "region" ? "inRegion" : name);
    if (value) filters[name] = value;
  }
  for (const [name, value] of params) if (/^tag:.{1,256}$/s.test(name) && value) filters[name] = value;
  return {
    range,
    span,
    step: stepOf(span, params.get("step")),
    group: known ? group : "model",
    measure: Object.hasOwn(measures, measure) ? (measure as Measure) : "cost",
    filters,
  };
}

/** The name of a filter in the address, where region is the one that is chosen at the top of the page. */
export function filterParameter(name: string): string {
  return name === "region" ? "inRegion" : name;
}

/** The filter that shows one group alone. */
export function filterOf(group: string): string {
  const names: { [group: string]: string } = { name: "principal", "served-by": "servedBy", outcome: "code" };
  return Object.hasOwn(names, group) ? (names[group] ?? group) : group;
}

/** The parameters of the request for what a view shows. */
export function queryOf(view: View, groupBy: readonly string[], limit?: number): { [name: string]: string } {
  const iso = (date: Date) => date.toISOString().replace(".000", "");
  return {
    from: iso(view.span.from),
    to: iso(view.span.to),
    ...(groupBy.length > 0 ? { groupBy: groupBy.join(",") } : {}),
    ...view.filters,
    ...(limit === undefined ? {} : { limit: String(limit) }),
  };
}

/** The name of a file with what a view shows. */
export function fileName(view: View, groupBy: readonly string[]): string {
  const last = new Date(view.span.to.getTime() - 1);
  const groups = groupBy.map((g) => g.replace(/[^\p{L}\p{N}-]+/gu, "-")).join("-");
  return `usage-${dayOf(view.span.from)}-${dayOf(last)}-by-${groups}.csv`;
}

/** The amount of a row that a measure is about. */
export function amount(sums: Sums, measure: Measure): number {
  const { tokens } = sums;
  switch (measure) {
    case "cost":
      return Number(sums.costUsd);
    case "tokens":
      return tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
    case "input":
      return tokens.input + tokens.cacheRead + tokens.cacheWrite;
    case "output":
      return tokens.output;
    case "requests":
      return sums.requests;
    case "errors":
      return sums.errors;
  }
}

/** One colour of the chart: a group, with an amount for each step. */
export interface Series {
  title: string;
  amounts: number[];
  total: number;
}

/** How many groups have a colour of their own. */
export const mostSeries = 8;

/** What stands for a group that has no name. */
export function groupLabel(group: string, key: string): string {
  if (key !== "") return key;
  if (group.startsWith("tag:")) return "(without this tag)";
  if (group === "served-by") return "(nobody)";
  if (group === "name" || group === "principal") return "(the server itself)";
  return "(none)";
}

/**
 * The series of a chart, the largest first: rows are by step and group. What has no colour of its own is added up, and
 * steps without a row are nothing.
 */
export function seriesOf(
  rows: readonly UsageRow[],
  steps: readonly string[],
  group: string,
  measure: Measure,
): Series[] {
  const at = new Map(steps.map((key, i) => [key, i]));
  const byGroup = new Map<string, Series>();
  for (const row of rows) {
    const i = at.get(row.keys[0] ?? "");
    const value = amount(row, measure);
    if (i === undefined || value === 0) continue;
    const key = row.keys[1] ?? "";
    let series = byGroup.get(key);
    if (!series) {
      series = { title: groupLabel(group, key), amounts: steps.map(() => 0), total: 0 };
      byGroup.set(key, series);
    }
    series.amounts[i] = (series.amounts[i] ?? 0) + value;
    series.total += value;
  }
  const all = [...byGroup.values()].toSorted((a, b) => b.total - a.total || a.title.localeCompare(b.title));
  if (all.length <= mostSeries) return all;
  const rest = all.slice(mostSeries - 1);
  const others: Series = {
    title: `${rest.length} others`,
    amounts: steps.map((_, i) => rest.reduce((sum, s) => sum + (s.amounts[i] ?? 0), 0)),
    total: rest.reduce((sum, s) => sum + s.total, 0),
  };
  return [...all.slice(0, mostSeries - 1), others];
}

/** The rows of all pages up to a number that a page can show; undefined: there are more. */
export async function allRows(
  ask: (nextToken: string | undefined) => Promise<Usage>,
  pages = 3,
): Promise<{ usage: Usage; complete: boolean }> {
  const first = await ask(undefined);
  const rows = [...first.rows];
  let next = first.nextToken;
  for (let page = 1; next !== "" && page < pages; page++) {
    const more = await ask(next);
    rows.push(...more.rows);
    next = more.nextToken;
  }
  return { usage: { ...first, rows }, complete: next === "" };
}
