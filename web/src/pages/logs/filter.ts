import type { RequestSummary } from "@/api/outcrop.gen";

/** The filters of requests. They stand in the address. */
export interface Filters {
  model: string;
  principal: string;
  operation: string;
  status: string;
  /** part of an ID, looked for in this browser */
  find: string;
}

export const filterNames = ["model", "principal", "operation", "status", "find"] as const;

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

export function filtersOf(params: URLSearchParams): Filters {
  const of = (name: string) => params.get(name) ?? "";
  const status = of("status");
  return {
    model: of("model"),
    principal: of("principal"),
    operation: of("operation"),
    status: /^([1-5](\d\d|xx)|ok|error)$/.test(status) ? status : "",
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
export function queryOf({ model, principal, operation, status }: Filters): { [name: string]: string } {
  const given = {
    model: pattern(model),
    principal: pattern(principal),
    operation: pattern(operation),
    status: status === "" ? undefined : status,
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

/** The times that can be looked back, with their milliseconds; nothing: as far as there is anything. */
export const backs = [
  ["", "Any time", 0],
  ["15m", "Last 15 minutes", 900_000],
  ["1h", "Last hour", 3_600_000],
  ["24h", "Last 24 hours", 86_400_000],
  ["7d", "Last 7 days", 604_800_000],
  ["30d", "Last 30 days", 2_592_000_000],
] as const;

/** The time from which on is looked, cut to the minute so that it is the same question for a while. */
export function fromOf(back: string, now: Date): string | undefined {
  const ms = backs.find(([id]) => id === back)?.[2] ?? 0;
  if (ms === 0) return undefined;
  return new Date(Math.floor((now.getTime() - ms) / 60_000) * 60_000).toISOString();
}

/** The end of an ARN: "user/alice", "assumed-role/app/session", "root". */
export function shortPrincipal(arn: string): string {
  return arn.replace(/^arn:[^:]*:(iam|sts)::\d*:/, "");
}
