/** A span of time. The end is not included. */
export interface Span {
  from: Date;
  to: Date;
}

export type Step = "hour" | "day" | "month";

/** The ranges that can be chosen, with what they are called. */
export const ranges = [
  ["today", "Today"],
  ["yesterday", "Yesterday"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["month", "This month"],
  ["last-month", "Last month"],
  ["90d", "Last 90 days"],
  ["12m", "Last 12 months"],
] as const;

const hour = 3_600_000;
const day = 24 * hour;

/** Midnight of UTC, where the bill's days begin, so many days after that of now. */
function midnight(now: Date, days = 0): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + days));
}

function month(now: Date, months = 0): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
}

const dayText = /^(\d{4})-(\d{2})-(\d{2})$/;

/** The first moment of a day "2026-03-01", UTC. */
export function parseDay(text: string): Date | undefined {
  if (!dayText.test(text)) return undefined;
  const date = new Date(`${text}T00:00:00Z`);
  return Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text ? undefined : date;
}

/** The span that a range means now: one of the names above, or "2026-03-01..2026-03-31" with both days in it. */
export function spanOf(range: string, now: Date): Span {
  const [first = "", last = ""] = range.split("..");
  const from = parseDay(first);
  const to = parseDay(last);
  if (from && to && from <= to) return { from, to: new Date(to.getTime() + day) };
  const tomorrow = midnight(now, 1);
  switch (range) {
    case "today":
      return { from: midnight(now), to: tomorrow };
    case "yesterday":
      return { from: midnight(now, -1), to: midnight(now) };
    case "24h": {
      const end = new Date(Math.ceil((now.getTime() + 1) / hour) * hour);
      return { from: new Date(end.getTime() - day), to: end };
    }
    case "30d":
      return { from: midnight(now, -29), to: tomorrow };
    case "month":
      return { from: month(now), to: tomorrow };
    case "last-month":
      return { from: month(now, -1), to: month(now) };
    case "90d":
      return { from: midnight(now, -89), to: tomorrow };
    case "12m":
      return { from: month(now, -11), to: tomorrow };
    default:
      return { from: midnight(now, -6), to: tomorrow };
  }
}

/** Whether a range is one that was written by hand. */
export function isCustom(range: string): boolean {
  return range.includes("..");
}

/** Text of the day of a time, UTC. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** The steps that a span can be shown in: no more bars than one can tell apart. */
export function stepsOf({ from, to }: Span): Step[] {
  const days = (to.getTime() - from.getTime()) / day;
  const steps: Step[] = [];
  if (days <= 7) steps.push("hour");
  if (days > 1 && days <= 190) steps.push("day");
  if (days > 31) steps.push("month");
  return steps;
}

/** The step that is chosen, or the one that suits the span. */
export function stepOf(span: Span, wanted: string | null): Step {
  const steps = stepsOf(span);
  const chosen = steps.find((s) => s === wanted);
  if (chosen) return chosen;
  const days = (span.to.getTime() - span.from.getTime()) / day;
  if (days <= 2) return "hour";
  return steps.includes("day") ? "day" : "month";
}

/** All steps of a span, as the server writes them: "2026-03-01T05:00Z", "2026-03-01", "2026-03". */
export function keysOf({ from, to }: Span, step: Step): string[] {
  const keys: string[] = [];
  if (step === "month") {
    for (let at = month(from); at < to; at = month(at, 1)) keys.push(at.toISOString().slice(0, 7));
    return keys;
  }
  const long = step === "hour" ? hour : day;
  for (let at = Math.floor(from.getTime() / long) * long; at < to.getTime(); at += long) {
    keys.push(keyOf(new Date(at), step));
  }
  return keys;
}

function keyOf(at: Date, step: Step): string {
  return step === "hour" ? `${at.toISOString().slice(0, 13)}:00:00Z` : dayOf(at);
}

/** A step for the eye. Hours are those of the reader's zone; days and months are the bill's own, UTC. */
export function stepLabel(key: string, step: Step, zone?: string): string {
  const hourly: Intl.DateTimeFormatOptions = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  const given: { [S in Step]: [Date, Intl.DateTimeFormatOptions] } = {
    hour: [new Date(key), { ...hourly, ...(zone ? { timeZone: zone } : {}) }],
    day: [new Date(`${key}T00:00:00Z`), { month: "short", day: "numeric", timeZone: "UTC" }],
    month: [new Date(`${key}-01T00:00:00Z`), { month: "short", year: "numeric", timeZone: "UTC" }],
  };
  const [at, how] = given[step];
  return Number.isNaN(at.getTime()) ? key : new Intl.DateTimeFormat(undefined, how).format(at);
}
