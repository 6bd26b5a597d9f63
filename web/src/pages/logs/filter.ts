import type { RequestSummary } from "@/api/outcrop.gen";

/** The filters of requests. They stand in the address. */
export interface Filters {
  model: string;
  principal: string;
  operation: string;
  status: string;
  /** "known", "unknown" or nothing */
  caller: string;
  /** part of an ID, looked for in this browser */
  find: string;
}

export const filterNames = ["model", "principal", "operation", "status", "caller", "find"] as const;

/** What the server takes for a status. */
export const statuses = [
  ["", "Any"],
  ["ok", "Succeeded"],
  ["error", "Failed"],
  ["4xx", "4xx: the caller's errors"],
  ["5xx", "5xx: the server's errors"],
  ["400", "400: not valid"],
  ["403", "403: denied"],
  ["404", "404: not found"],
  ["424", "424: error of the model"],
  ["429", "429: throttled"],
  ["503", "503: not available"],
] as const;

/** Whether somebody was recognized as the caller. */
export const callers = [
  ["", "Anybody"],
  ["known", "Recognized"],
  ["unknown", "Not recognized"],
] as const;

export function filtersOf(params: URLSearchParams): Filters {
  const of = (name: string) => params.get(name) ?? "";
  const status = of("status");
  const caller = of("caller");
  return {
    model: of("model"),
    principal: of("principal"),
    operation: of("operation"),
    status: /^([1-5](\d\d|xx)|ok|error)$/.test(status) ? status : "",
    caller: callers.some(([id]) => id === caller) ? caller : "",
    find: of("find"),
  };
}

/** A text as a pattern of the server's: it may be anywhere, unless it is a pattern already. */
export function pattern(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return /[*?]/.test(trimmed) ? trimmed : `*${trimmed}*`;
}

/** The parameters of the server for filters. */
export function queryOf({ model, principal, operation, status, caller }: Filters): { [name: string]: string } {
  const given = {
    model: pattern(model),
    principal: pattern(principal),
    operation: pattern(operation),
    status: status === "" ? undefined : status,
    caller: caller === "" ? undefined : caller,
  };
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The requests that have a text in one of their IDs. */
export function found(requests: readonly RequestSummary[], find: string): readonly RequestSummary[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return requests;
  return requests.filter((r) => {
    const text = `${r.id}\n${r.accessKeyId}\n${r.model}\n${r.modelId}\n${r.servedBy}\n${r.principal}\n${r.code}\n${r.sourceIp}`;
    const lower = text.toLowerCase();
    return words.every((word) => lower.includes(word));
  });
}

/** The ID of a request that a text is, or undefined. */
export function requestId(text: string): string | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.exec(text.trim())?.[0];
}

/** A time to look at: the last minutes, hours or days before now, or from one moment to another; neither: any time. */
export interface When {
  /** "15m", "3h", "7d" */
  since: string;
  /** ISO, in UTC */
  from: string;
  /** The end, which is not included. */
  to: string;
}

/** What can be looked back at with one click. */
export const backs = ["15m", "1h", "24h", "7d", "30d"] as const;

const units: { [unit: string]: number } = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The parts of a time before now, "15m". */
export function backOf(since: string): { amount: number; unit: string } | undefined {
  const [, amount, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(since) ?? [];
  return amount === undefined || unit === undefined ? undefined : { amount: Number(amount), unit };
}

/** A moment of an address, as the server has it, or nothing. */
function momentOf(text: string): string {
  // A day alone would be one of UTC, and the reader means another.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return "";
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** The time that an address says. What makes no sense is as if it were not there. */
export function whenOf(params: URLSearchParams): When {
  const from = momentOf(params.get("from") ?? "");
  const to = momentOf(params.get("to") ?? "");
  if (from !== "" && to !== "" && from >= to) return { since: "", from: "", to: "" };
  if (from !== "" || to !== "") return { since: "", from, to };
  const since = params.get("since") ?? "";
  return { since: backOf(since) ? since : "", from: "", to: "" };
}

/** The parameters of the server for a time. What is relative is cut to the minute: it is the same question for a while. */
export function spanOf({ since, from, to }: When, now: Date): { from?: string; to?: string } {
  const back = backOf(since);
  if (back) {
    const ms = now.getTime() - back.amount * (units[back.unit] ?? 0);
    return { from: new Date(Math.floor(ms / 60_000) * 60_000).toISOString() };
  }
  return { ...(from === "" ? {} : { from }), ...(to === "" ? {} : { to }) };
}

/** The end of an ARN: "user/alice", "assumed-role/app/session", "root". */
export function shortPrincipal(arn: string): string {
  return arn.replace(/^arn:[^:]*:(iam|sts)::\d*:/, "");
}
