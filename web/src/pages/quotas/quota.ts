import type { ServiceQuota } from "@/api/service-quotas.gen";
import type { QuotaUse, QuotaUses } from "@/api/outcrop.gen";
import type { Client } from "@/client";

/** A quota as the table has it. */
export interface Quota extends Omit<QuotaUse, "used"> {
  /** What is used of it now; null: nobody counts; undefined: it is not told. */
  used: number | null | undefined;
}

/** The value that Service Quotas has for a quota that limits nothing. */
export const unlimited = 2 ** 53 - 1;

/** From here on a quota is near its limit, as a part of it. */
export const near = 0.8;

/** Metrics in people's words. */
export const metrics: { readonly [metric: string]: string } = {
  "requests-per-minute": "Requests per minute",
  "tokens-per-minute": "Tokens per minute",
  "tokens-per-day": "Tokens per day",
  concurrency: "Concurrent requests",
};

/** By what models are asked for, in people's words. */
export const classes: { readonly [of: string]: string } = {
  "on-demand": "Model ID",
  "cross-region": "Cross-region profile",
  global: "Global profile",
};

/** The part of a quota that is used; undefined where there is none to speak of. */
export function share({ used, value }: Pick<Quota, "used" | "value">): number | undefined {
  if (used === null || used === undefined || value === null) return undefined;
  if (value === 0) return 1;
  return used / value;
}

export function isNear(quota: Pick<Quota, "used" | "value">): boolean {
  return (share(quota) ?? 0) >= near;
}

/** A number of a quota. What is used of a minute comes back bit by bit, so it need not be whole. */
export function amount(n: number): string {
  return n.toLocaleString(undefined, { maximumFractionDigits: n < 10 ? 1 : 0 });
}

export function valueText(value: number | null): string {
  return value === null || value >= unlimited ? "Unlimited" : value.toLocaleString();
}

/** All quotas of a region, or those that are used now alone. */
export async function allQuotas(client: Client, region: string, used: boolean, signal: AbortSignal): Promise<Quota[]> {
  const all: Quota[] = [];
  let nextToken = "";
  do {
    const query = { region, limit: 1000, ...(used ? { used: "true" } : {}), ...(nextToken ? { nextToken } : {}) };
    const page = await client.operator<QuotaUses>("GET", "quota-use", { query, signal, region });
    all.push(...page.quotas);
    nextToken = page.nextToken;
  } while (nextToken !== "");
  return all;
}

/** Quotas with what is used of them now. Those of which nothing has changed stay the objects that they are. */
export function withUse(quotas: readonly Quota[], now: readonly Quota[]): Quota[] {
  const used = new Map(now.map((q) => [q.quotaCode, q]));
  return quotas.map((quota) => {
    const live = used.get(quota.quotaCode);
    const is = live ? live.used : quota.value === null ? null : 0;
    return is === quota.used ? quota : { ...quota, used: is };
  });
}

/** What Service Quotas tells of a quota, for who may not see what is used. Its name is all that says which model it is of. */
export function ofServiceQuotas({ QuotaCode = "", QuotaName = "", Value, Adjustable = false }: ServiceQuota): Quota {
  const [, metric = "", model = ""] =
    /(requests per minute|tokens per minute|tokens per day|concurrent requests) for (.*)$/i.exec(QuotaName) ?? [];
  const words = metric.toLowerCase().replaceAll(" ", "-");
  return {
    quotaCode: QuotaCode,
    quotaName: QuotaName,
    model,
    class: /^global/i.test(QuotaName) ? "global" : /^cross-region/i.test(QuotaName) ? "cross-region" : "on-demand",
    metric: words === "concurrent-requests" ? "concurrency" : words,
    value: Value === undefined || Value >= unlimited ? null : Value,
    default: null,
    adjustable: Adjustable,
    used: undefined,
  };
}

/** Whether a request for more waits to be decided. */
export function isOpen(status: string | undefined): boolean {
  return status === "PENDING" || status === "CASE_OPENED";
}

/** Why a number cannot be asked for; undefined where it can. */
export function desiredProblem(text: string, value: number | null): string | undefined {
  if (text.trim() === "") return undefined;
  const n = Number(text);
  if (!Number.isInteger(n) || n < 0 || n > unlimited) return "A whole number.";
  if (value !== null && n <= value) return `More than the ${value.toLocaleString()} that there are.`;
  return undefined;
}
