import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { none } from "@/components";
import { amount, near, share, type Quota } from "./quota";
import "./quotas.css";

/** What is used of a quota, as a number and a bar. */
export function Use({ quota }: { quota: Quota }) {
  const { used, value } = quota;
  if (used === undefined) return <>{none}</>;
  if (used === null) return <>Not counted</>;
  const part = share(quota);
  if (part === undefined) return <>{amount(used)}</>;
  const percent = Math.floor(part * 100);
  const of = part > 0 && percent === 0 ? "<1%" : `${percent}%`;
  const shown = Math.min(100, part * 100);
  const text = `${amount(used)} of ${amount(value ?? 0)}`;
  return (
    <div className="quota-use">
      <div
        className="quota-meter"
        data-near={part >= near ? "yes" : "no"}
        role="meter"
        aria-label={`Used of ${quota.quotaName}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.min(100, percent)}
        aria-valuetext={text}
      >
        <span style={{ inlineSize: `${shown}%` }} />
      </div>
      {part >= near ? (
        <StatusIndicator type={part >= 1 ? "error" : "warning"}>{`${amount(used)} (${of})`}</StatusIndicator>
      ) : (
        <span>
          {amount(used)} ({of})
        </span>
      )}
    </div>
  );
}
