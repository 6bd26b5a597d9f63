import { applyDensity, applyMode, Density, Mode } from "@cloudscape-design/global-styles";
import { useEffect, useState, useSyncExternalStore } from "react";

/** Reads and keeps a value in localStorage, which a browser may refuse. */
export function stored(key: string): string | null {
  try {
    return localStorage.getItem(`outcrop.${key}`);
  } catch {
    return null;
  }
}

export function store(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`outcrop.${key}`);
    else localStorage.setItem(`outcrop.${key}`, value);
  } catch {
    // It is not kept, which is all that is lost.
  }
}

/** A value of JSON that stays in this browser. */
export function useStored<T>(key: string, initial: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => {
    try {
      const text = stored(key);
      return text === null ? initial : (JSON.parse(text) as T);
    } catch {
      return initial;
    }
  });
  return [
    value,
    (next) => {
      setValue(next);
      store(key, JSON.stringify(next));
    },
  ];
}

export type ModeChoice = "system" | "light" | "dark";

const prefersDark = () => matchMedia("(prefers-color-scheme: dark)");

function onSystemMode(change: () => void): () => void {
  const query = prefersDark();
  query.addEventListener("change", change);
  return () => query.removeEventListener("change", change);
}

/** Light or dark, and how dense: what was chosen, and the choice. */
export function useAppearance() {
  const [mode, setMode] = useStored<ModeChoice>("mode", "system");
  const [compact, setCompact] = useStored("compact", false);
  const systemDark = useSyncExternalStore(onSystemMode, () => prefersDark().matches);
  const dark = mode === "dark" || (mode === "system" && systemDark);
  useEffect(() => applyMode(dark ? Mode.Dark : Mode.Light), [dark]);
  useEffect(() => applyDensity(compact ? Density.Compact : Density.Comfortable), [compact]);
  useEffect(() => {
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }, [dark]);
  return { mode, setMode, compact, setCompact, dark };
}
