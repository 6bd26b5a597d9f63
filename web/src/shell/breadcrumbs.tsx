import { createContext, useContext, useEffect, useState, type ReactNode } from "react";

/** One step below the page, with its path below /console/. */
export interface Crumb {
  text: string;
  path: string;
}

const SetContext = createContext<(crumbs: readonly Crumb[]) => void>(() => undefined);
const CrumbsContext = createContext<readonly Crumb[]>([]);

export function BreadcrumbsProvider({ children }: { children: ReactNode }) {
  const [crumbs, setCrumbs] = useState<readonly Crumb[]>([]);
  return (
    <SetContext.Provider value={setCrumbs}>
      <CrumbsContext.Provider value={crumbs}>{children}</CrumbsContext.Provider>
    </SetContext.Provider>
  );
}

export function useCrumbs(): readonly Crumb[] {
  return useContext(CrumbsContext);
}

/** Adds steps to the breadcrumbs while the component is there. */
export function useAddCrumbs(crumbs: readonly Crumb[]): void {
  const set = useContext(SetContext);
  const key = JSON.stringify(crumbs);
  useEffect(() => {
    set(JSON.parse(key) as Crumb[]);
    return () => set([]);
  }, [key, set]);
}
