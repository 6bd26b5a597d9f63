import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect, useState } from "react";

/** Says that something is being fetched, once it takes long enough to be noticed. */
export function Loading({ text = "Loading" }: { text?: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Box textAlign="center" padding="xxl" color="text-status-inactive">
      <span role="status">
        {late && (
          <>
            <Spinner /> {text}
          </>
        )}
      </span>
    </Box>
  );
}
