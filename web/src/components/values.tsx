import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";

/** What stands where there is no value. */
export const none = "-";

type Instant = string | number | Date | null | undefined;

/** Numbers are seconds since 1970, as AWS's JSON has them. */
export function asDate(value: Instant): Date | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  const date = typeof value === "number" ? new Date(value * 1000) : new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A time in the reader's zone; in UTC when pointed at. */
export function Time({ at }: { at: Instant }) {
  const date = asDate(at);
  if (!date) return <>{none}</>;
  return (
    <time
      dateTime={date.toISOString()}
      title={date
        .toISOString()
        .replace("T", " ")
        .replace(/\.\d+Z$/, " UTC")}
    >
      {full.format(date)}
    </time>
  );
}

/** Milliseconds as people say them: "820 ms", "3.2 s", "4 min 5 s", "2 h 3 min", "3 d 4 h". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.floor(s)} s`;
  const two = (big: number, unit: string, small: number, below: string) =>
    small === 0 ? `${big} ${unit}` : `${big} ${unit} ${small} ${below}`;
  const whole = Math.floor(s);
  if (whole < 3600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86_400) return two(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
  return two(Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h");
}

/** Dollars as text: cents where there are some, else as many digits as it takes to see that it is not nothing. */
export function money(usd: string | number | null | undefined): string {
  if (usd === null || usd === undefined || usd === "") return none;
  const value = Number(usd);
  if (!Number.isFinite(value)) return none;
  const digits = value !== 0 && Math.abs(value) < 0.1 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 2 };
  return new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", ...digits }).format(value);
}

export function Money({ usd }: { usd: string | number | null | undefined }) {
  return <span title={usd === null || usd === undefined ? undefined : `${usd} USD`}>{money(usd)}</span>;
}

/** A whole number with the reader's separators. */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? none : n.toLocaleString();
}

const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

/** A count of tokens, short: "12.3K"; all of it when pointed at. */
export function Tokens({ count: n }: { count: number | null | undefined }) {
  if (n === null || n === undefined) return <>{none}</>;
  return <span title={`${n.toLocaleString()} tokens`}>{short.format(n)}</span>;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A size: "1.2 GiB". */
export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return none;
  let value = n;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || Math.abs(value) >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function Bytes({ count: n }: { count: number | null | undefined }) {
  return <span title={n === null || n === undefined ? undefined : `${n.toLocaleString()} bytes`}>{bytes(n)}</span>;
}

/** The statuses of AWS's resources and of the operator API, in the words that both have. */
const statuses: { [status: string]: StatusIndicatorProps.Type } = {
  active: "success",
  available: "success",
  completed: "success",
  complete: "success",
  succeeded: "success",
  approved: "success",
  authorized: "success",
  enabled: "success",
  indexed: "success",
  inservice: "success",
  loaded: "success",
  ready: "success",
  up: "success",
  closed: "success",
  ok: "success",
  creating: "in-progress",
  updating: "in-progress",
  deleting: "in-progress",
  versioning: "in-progress",
  starting: "in-progress",
  stopping: "in-progress",
  loading: "in-progress",
  pulling: "in-progress",
  in_progress: "in-progress",
  inprogress: "in-progress",
  validating: "in-progress",
  scheduled: "pending",
  submitted: "pending",
  pending: "pending",
  queued: "pending",
  starting_up: "pending",
  case_opened: "pending",
  failed: "error",
  error: "error",
  down: "error",
  open: "error",
  denied: "error",
  not_approved: "error",
  expired: "error",
  delete_unsuccessful: "warning",
  partially_completed: "warning",
  partiallycompleted: "warning",
  partially_indexed: "warning",
  metadata_update_failed: "warning",
  "half-open": "warning",
  legacy: "warning",
  ignored: "warning",
  stopped: "stopped",
  inactive: "stopped",
  disabled: "stopped",
  unloaded: "stopped",
  not_authorized: "stopped",
  not_available: "stopped",
  not_found: "stopped",
};

/** "IN_PROGRESS" as people write it: "In progress". */
export function words(status: string): string {
  const spaced = status
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
  return spaced.slice(0, 1).toUpperCase() + spaced.slice(1);
}

/** A status with its sign. type overrides what is known of the word. */
export function StatusBadge({
  status,
  type,
  children,
}: {
  status: string | null | undefined;
  type?: StatusIndicatorProps.Type;
  children?: string;
}) {
  if (!status) return <>{none}</>;
  return (
    <StatusIndicator type={type ?? statuses[status.toLowerCase()] ?? "info"}>
      {children ?? words(status)}
    </StatusIndicator>
  );
}
