import type { Fit, LocalModel, Pull } from "@/api/outcrop.gen";
import { bytes, duration } from "@/components";

/** Whether a pull goes on. */
export const running = (pull: Pull) => pull.state === "running";

/** Whether something happens that is worth to be looked at every second. */
export function busy(models: readonly LocalModel[], pulls: readonly Pull[]): boolean {
  return pulls.some(running) || models.some((m) => m.state === "loading" || m.state === "unloading");
}

/** How far a pull is, between 0 and 100; undefined while nobody knows how much there is. */
export function percent({ bytes: done, totalBytes }: Pull): number | undefined {
  if (totalBytes <= 0) return undefined;
  return Math.min(100, (100 * done) / totalBytes);
}

/** "120 MiB of 1.2 GiB, 30 MiB/s, 40 s left". */
export function progressText(pull: Pull): string {
  const { bytes: done, totalBytes, bytesPerSecond: rate } = pull;
  const parts = [totalBytes > 0 ? `${bytes(done)} of ${bytes(totalBytes)}` : bytes(done)];
  if (rate > 0 && running(pull)) {
    parts.push(`${bytes(rate)}/s`);
    if (totalBytes > done) parts.push(`${duration((1000 * (totalBytes - done)) / rate)} left`);
  }
  return parts.join(", ");
}

/** Whether something fits into memory, in a sentence. */
export function fitText({ needBytes, freeBytes, fits, why }: Fit): string {
  if (needBytes === 0) return "How much memory it needs is not known.";
  const room = freeBytes === null ? "" : ` There is room for ${bytes(freeBytes)}.`;
  return fits
    ? `It needs about ${bytes(needBytes)} and fits.${room}`
    : `It needs about ${bytes(needBytes)}. ${why}${room}`;
}

/** "135M", "7.6B". */
export function parametersText(n: number): string {
  if (n === 0) return "-";
  for (const [unit, of] of [
    ["T", 1e12],
    ["B", 1e9],
    ["M", 1e6],
    ["K", 1e3],
  ] as const) {
    if (n >= of) return `${(n / of).toLocaleString(undefined, { maximumSignificantDigits: 3 })}${unit}`;
  }
  return String(n);
}
