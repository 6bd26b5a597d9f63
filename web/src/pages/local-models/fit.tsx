import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Fit } from "@/api/outcrop.gen";
import { bytes } from "@/components";
import { fitText } from "./words";

/** Whether something fits into memory now, in a cell. */
export function FitBadge({ of }: { of: Fit }) {
  const type = of.needBytes === 0 ? "info" : of.fits ? "success" : "warning";
  const text =
    of.needBytes === 0
      ? "Not known"
      : of.fits
        ? `Fits: ${bytes(of.needBytes)}`
        : `Does not fit: ${bytes(of.needBytes)}`;
  return (
    <span title={fitText(of)}>
      <StatusIndicator type={type}>{text}</StatusIndicator>
    </span>
  );
}
