import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { sessionEnded, type ServiceError } from "@/client/errors";
import { Loading } from "./loading";

/** Says what somebody may not do: <Denied what="see the server" error={error} />. */
export function Denied({ what, error }: { what: string; error: ServiceError }) {
  return (
    <Alert type="warning" header={`You are not allowed to ${what}${error.action ? ` (${error.action})` : ""}`}>
      {error.message}
      {error.requestId && (
        <Box variant="small" display="block">
          Request {error.requestId}
        </Box>
      )}
    </Alert>
  );
}

/** An error in place of what it was in the way of. what completes "You are not allowed to". */
export function Failed({
  what,
  error,
  retry,
}: {
  what: string;
  error: ServiceError;
  retry?: (() => void) | undefined;
}) {
  if (error.denied) return <Denied what={what} error={error} />;
  if (error.code === sessionEnded) return <Loading />;
  return (
    <Alert type="error" header={error.code} action={retry && <Button onClick={retry}>Try again</Button>}>
      {error.message}
      {error.requestId && (
        <Box variant="small" display="block">
          Request {error.requestId}
        </Box>
      )}
    </Alert>
  );
}

/** The answer of a query once it is there, and until then that it is awaited or why there is none. */
export function Answer<T>({
  of,
  what,
  children,
}: {
  of: UseQueryResult<T, ServiceError>;
  /** Completes "You are not allowed to". */
  what: string;
  children: (data: T) => ReactNode;
}) {
  if (of.data !== undefined) return children(of.data);
  if (of.error) return <Failed what={what} error={of.error} retry={() => void of.refetch()} />;
  return <Loading />;
}
