import { useCallback, useEffect, useState } from "react";
import { useLocation, useSearchParams } from "react-router";
import { isRegion } from "@/api/regions";
import { store, stored } from "./preferences";

/**
 * The chosen region. It stands in the address, so that a link opens in the region it was made in, and in this browser,
 * so that the next page starts with it.
 */
export function useRegionChoice(first: string): [string, (region: string) => void] {
  const [params, setParams] = useSearchParams();
  const location = useLocation();
  const inAddress = params.get("region");
  const [kept, setKept] = useState(() => {
    const before = stored("region");
    return isRegion(before) ? before : first;
  });
  const region = isRegion(inAddress) ? inAddress : kept;
  if (region !== kept) setKept(region);

  useEffect(() => {
    store("region", region);
    // Links within the console do not name it. The address is told beside the router: to navigate here would undo
    // what a page has navigated to at the same time.
    const address = new URL(window.location.href);
    // The router leaves out the slash at the end, which the server would redirect to.
    const path = address.pathname === "/console" ? "/console/" : address.pathname;
    if (address.searchParams.get("region") === region && address.pathname === path) return;
    address.searchParams.set("region", region);
    address.pathname = path;
    window.history.replaceState(window.history.state, "", address);
  }, [region, location]);

  const choose = useCallback(
    (value: string) =>
      setParams((was) => {
        const next = new URLSearchParams(was);
        next.set("region", value);
        return next;
      }),
    [setParams],
  );
  return [region, choose];
}
