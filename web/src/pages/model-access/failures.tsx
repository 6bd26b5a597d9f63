import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import type { ServiceError } from "@/client";

/** What of many things did not work, and why. */
export function Failures({ of }: { of: readonly { id: string; error: ServiceError }[] }) {
  if (of.length === 0) return null;
  return (
    <Alert type="error" header={of.length === 1 ? "1 model failed" : `${of.length} models failed`}>
      <ul>
        {of.slice(0, 50).map(({ id, error }) => (
          <li key={id}>
            <Box variant="strong">{id}</Box>: {error.message} ({error.code}
            {error.requestId && `, request ${error.requestId}`})
          </li>
        ))}
      </ul>
      {of.length > 50 && `And ${of.length - 50} more.`}
    </Alert>
  );
}
