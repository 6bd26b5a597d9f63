import Alert from "@cloudscape-design/components/alert";
import type { ServiceError } from "@/client";
import { counted } from "./access";

const most = 50;

/** What of many things did not work, and why. */
export function Failures({
  of,
  what = "failed",
  many = what,
}: {
  of: readonly { id: string; error: ServiceError }[];
  /** What became of one of them, and of several. */
  what?: string;
  many?: string;
}) {
  return (
    <Alert type="error" header={`${counted(of.length)} ${of.length === 1 ? what : many}`}>
      <ul className="terms-models" tabIndex={0} aria-label="Models that failed">
        {of.slice(0, most).map(({ id, error }) => (
          <li key={id}>
            <b>{id}</b>: {error.message} ({error.code}
            {error.requestId && `, request ${error.requestId}`})
          </li>
        ))}
      </ul>
      {of.length > most && `And ${(of.length - most).toLocaleString()} more.`}
    </Alert>
  );
}
