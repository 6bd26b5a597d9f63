import type { LocalModel, Removed } from "@/api/outcrop.gen";
import { useAction } from "@/client";

const stale = ["local-models", "catalog", "server"] as const;

const at = (name: string) => `local-models/${encodeURIComponent(name)}`;

/** Loads a model into memory; it goes on after the answer. */
export const useLoad = () =>
  useAction((name: string, client) => client.operator<LocalModel>("POST", `${at(name)}/load`), {
    stale,
    done: (model, name) => (model.state === "loaded" ? `${name} is loaded.` : `${name} is being loaded.`),
  });

/** Takes a model out of memory once nobody uses it. */
export const useUnload = () =>
  useAction((name: string, client) => client.operator<LocalModel>("POST", `${at(name)}/unload`), {
    stale,
    done: (model, name) =>
      model.state === "unloading"
        ? `${name} is unloaded once the requests that use it are over.`
        : `${name} is unloaded.`,
  });

/** Removes a model with its files. */
export const useRemove = (onDone: () => void) =>
  useAction((name: string, client) => client.operator<Removed>("DELETE", at(name)), {
    stale,
    quiet: true,
    done: (_, name) => `${name} was deleted.`,
    onDone,
  });

export const loadable = (m: LocalModel) => m.installed && (m.state === "unloaded" || m.state === "failed");
export const unloadable = (m: LocalModel) => m.state === "loaded";

/** Why a model cannot be deleted now; empty where it can, as far as is known here. */
export function undeletable(m: LocalModel): string {
  if (m.builtIn) return "It comes with the server. Routes of the configuration can let another model answer instead.";
  if (m.state === "unloaded" || m.state === "failed") return "";
  return m.state === "absent" ? "It is not there." : "Unload it first.";
}
