import Badge from "@cloudscape-design/components/badge";
import { bytes, count, StatusBadge, Time, type Column } from "@/components";
import type { Backend, BackendModel, LoadedModel, Server } from "@/api/outcrop.gen";

export const assignmentColumns: readonly Column<Server["assignments"][number]>[] = [
  { id: "models", header: "Models", cell: (a) => a.models, value: (a) => a.models, main: true },
  { id: "servedBy", header: "Answered by", cell: (a) => a.servedBy, value: (a) => a.servedBy },
  {
    id: "standIn",
    header: "Stand-in",
    cell: (a) => (a.standIn ? <Badge color="blue">Stand-in</Badge> : "No"),
    value: (a) => (a.standIn ? "Stand-in" : "No"),
  },
];

/** A backend, with one of its models that was asked; without one where none was. */
export interface BackendRow {
  backend: Backend;
  model: BackendModel | undefined;
}

export function backendRows(backends: readonly Backend[]): BackendRow[] {
  return backends.flatMap((backend): BackendRow[] =>
    backend.models.length === 0 ? [{ backend, model: undefined }] : backend.models.map((model) => ({ backend, model })),
  );
}

/** What is to be said of a backend's health in a word: the worst of the probe and of what came of requests. */
export function healthOf({ backend, model }: BackendRow): {
  word: string;
  type: "success" | "error" | "warning" | "pending";
} {
  if (backend.health === "down") return { word: "Down", type: "error" };
  if (model?.breaker === "open") return { word: "Passed over", type: "error" };
  if (model?.breaker === "half-open") return { word: "Being tried again", type: "warning" };
  if (backend.health === "up") return { word: "Up", type: "success" };
  if (model && model.failures > 0 && model.failures >= model.requests) return { word: "Fails", type: "error" };
  if (model && model.requests > 0) return { word: "Answers", type: "success" };
  return { word: "Not asked yet", type: "pending" };
}

export const backendColumns: readonly Column<BackendRow>[] = [
  {
    id: "backend",
    header: "Backend",
    cell: (r) => r.backend.name,
    value: (r) => r.backend.name,
    main: true,
    width: 140,
  },
  {
    id: "health",
    header: "Health",
    cell: (r) => {
      const { word, type } = healthOf(r);
      return (
        <StatusBadge status={word} type={type}>
          {word}
        </StatusBadge>
      );
    },
    value: (r) => healthOf(r).word,
    width: 150,
  },
  { id: "model", header: "Model", cell: (r) => r.model?.model ?? "-", value: (r) => r.model?.model, width: 260 },
  {
    id: "requests",
    header: "Requests",
    cell: (r) => count(r.model?.requests),
    value: (r) => r.model?.requests,
    width: 130,
  },
  {
    id: "failures",
    header: "Failures",
    cell: (r) => count(r.model?.failures),
    value: (r) => r.model?.failures,
    width: 120,
  },
  {
    id: "throttles",
    header: "Throttled",
    cell: (r) => count(r.model?.throttles),
    value: (r) => r.model?.throttles,
    width: 130,
  },
  {
    id: "fallbacks",
    header: "Handed on",
    cell: (r) => count(r.model?.fallbacks),
    value: (r) => r.model?.fallbacks,
    width: 110,
    hidden: true,
  },
  {
    id: "error",
    header: "Last error",
    cell: (r) => {
      const text = r.model?.lastError || r.backend.lastError;
      const at = r.model?.lastError ? r.model.lastErrorAt : r.backend.probedAt;
      if (!text) return "-";
      return (
        <>
          {text} (<Time at={at} />)
        </>
      );
    },
    value: (r) => r.model?.lastError || r.backend.lastError,
    width: 320,
  },
];

export const loadedColumns: readonly Column<LoadedModel>[] = [
  { id: "name", header: "Model", cell: (m) => m.name, value: (m) => m.name, main: true, width: 260 },
  {
    id: "state",
    header: "State",
    cell: (m) => <StatusBadge status={m.state} />,
    value: (m) => m.state,
    width: 140,
  },
  { id: "memory", header: "Memory", cell: (m) => bytes(m.memoryBytes), value: (m) => m.memoryBytes, width: 120 },
  { id: "users", header: "Requests now", cell: (m) => count(m.users), value: (m) => m.users, width: 140 },
  {
    id: "speed",
    header: "Tokens a second",
    cell: (m) => (m.tokensPerSecond === null ? "-" : m.tokensPerSecond.toFixed(1)),
    value: (m) => m.tokensPerSecond,
    width: 150,
  },
  {
    id: "context",
    header: "Context",
    cell: (m) => (m.context === 0 ? "-" : `${count(m.context)} tokens`),
    value: (m) => m.context,
    width: 140,
  },
  { id: "used", header: "Last used", cell: (m) => <Time at={m.usedAt} />, value: (m) => m.usedAt, width: 200 },
  { id: "why", header: "Why not", cell: (m) => m.why || "-", value: (m) => m.why, width: 240 },
];
