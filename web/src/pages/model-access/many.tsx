import ProgressBar from "@cloudscape-design/components/progress-bar";
import { useEffect, useRef, useState } from "react";
import { useAction, type Client } from "@/client";
import type { Stale } from "@/client/hooks";
import { counted } from "./access";
import { forEach, type Outcome } from "./each";

/**
 * An action on each of many things: how many are over, and a way to begin no more. Who leaves stops it as well; what
 * was done until then is told by onDone all the same.
 */
export function useMany<T>(
  act: (of: T, client: Client) => Promise<unknown>,
  {
    first,
    stale,
    onDone,
  }: {
    /** What has to be done before all of them. */
    first?: (client: Client) => Promise<unknown>;
    stale: Stale;
    onDone: (outcome: Outcome<T>) => void;
  },
) {
  const [over, setOver] = useState(0);
  const control = useRef<AbortController>(undefined);
  const stop = () => control.current?.abort();
  useEffect(() => () => control.current?.abort(), []);
  const run = useAction(
    async (all: readonly T[], client) => {
      const { signal } = (control.current = new AbortController());
      setOver(0);
      await first?.(client);
      return forEach(all, (of) => act(of, client), { progress: setOver, signal });
    },
    { quiet: true, stale, onDone },
  );
  return { run, over, stop };
}

/** How far an action on many things is, in one line. */
export function Progress({ label, over, all }: { label: string; over: number; all: number }) {
  return (
    <ProgressBar
      label={label}
      value={all === 0 ? 0 : (100 * over) / all}
      additionalInfo={`${over.toLocaleString()} of ${counted(all)}`}
    />
  );
}
