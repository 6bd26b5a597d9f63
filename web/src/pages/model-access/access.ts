import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { ModelAccessState } from "@/api/outcrop.gen";

/** What it takes to use a model; see docs/MODEL-ACCESS.md. */
export type Mode = "auto" | "request" | "approval";

/** What a mode means for somebody who wants a model. */
export const modes: { [mode: string]: { title: string; text: string } } = {
  auto: {
    title: "Nothing has to be requested",
    text: "This server's configuration says access: auto. Every model that is served can be used at once, by everybody whose policies allow it. Agreements can be made by API calls, and change nothing.",
  },
  request: {
    title: "A request is granted at once",
    text: "This server's configuration says access: request. Somebody of the account accepts a model's terms, and then it can be used. Models that an administrator has denied wait for their approval.",
  },
  approval: {
    title: "An administrator approves requests",
    text: "This server's configuration says access: approval. Somebody of the account accepts a model's terms, and it can be used once an administrator has approved.",
  },
};

const statuses: { [status: string]: { text: string; type: StatusIndicatorProps.Type } } = {
  AVAILABLE: { text: "Access granted", type: "success" },
  PENDING: { text: "Waits for approval", type: "pending" },
  DENIED: { text: "Denied", type: "error" },
  NOT_AVAILABLE: { text: "Available to request", type: "stopped" },
  NOT_NEEDED: { text: "No request needed", type: "success" },
};

/** The status of a model in the words of the page. */
export function statusOf(model: Pick<ModelAccessState, "status">, mode: string) {
  const status = mode === "auto" ? "NOT_NEEDED" : model.status;
  return { status, ...(statuses[status] ?? { text: status, type: "info" as const }) };
}

/** All statuses, for a filter. */
export const statusTexts = Object.entries(statuses).map(([value, { text }]) => ({ value, label: text }));

/** Whether somebody could ask for a model now. */
export const requestable = ({ status }: ModelAccessState, mode: string) =>
  mode !== "auto" && (status === "NOT_AVAILABLE" || status === "DENIED");

/** Whether there is an agreement, or a request for one, that could be ended. */
export const withdrawable = ({ status, requestedAt }: ModelAccessState) => requestedAt !== null && status !== "DENIED";

/** Whether an administrator has to say yes to a request that is made now. */
export const waits = ({ barred }: Pick<ModelAccessState, "barred">, mode: string) => mode === "approval" || barred;

/** What was said when a model was denied; empty where it was not. */
export function denialOf({ status, barred, reason }: Pick<ModelAccessState, "status" | "barred" | "reason">): string {
  if (!barred && status !== "DENIED") return "";
  const said = reason || "no reason was given";
  return status === "PENDING" ? `Denied before: ${said}` : reason || "No reason was given";
}

/** "1 model", "12 models". */
export const counted = (n: number, what = "model") => `${n.toLocaleString()} ${what}${n === 1 ? "" : "s"}`;
