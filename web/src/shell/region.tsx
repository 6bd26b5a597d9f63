import { useCallback, useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import { isRegion } from "@/api/regions";
import { store, stored } from "./preferences";

/**
 * The chosen region. It stands in the address, so that a link opens in the region it was made in, and in this browser,
 * so that the next page starts with it.
 */
export function useRegionChoice(first: string): [string, (region: string) => void] {
  const [params, setParams] = useSearchParams();
  const inAddress = params.get("region");
  const [kept, setKept] = useState(() => {
    const before = stored("region");
    return isRegion(before) ? before : first;
  });
  const region = isRegion(inAddress) ? inAddress : kept;
  if (region !== kept) setKept(region);

  const write = useCallback(
    (value: string, replace: boolean) =>
      setParams(
        (was) => {
          const next = new URLSearchParams(was);
          next.set("region", value);
          return next;
        },
        { replace },
      ),
    [setParams],
  );

  useEffect(() => {
    store("region", region);
    // Links within the console do not name it.
    if (inAddress !== region) write(region, true);
  }, [region, inAddress, write]);

  return [region, useCallback((value: string) => write(value, false), [write])];
}
