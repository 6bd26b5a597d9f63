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
export const removable = (m: LocalModel) => m.state === "unloaded" || m.state === "failed";
