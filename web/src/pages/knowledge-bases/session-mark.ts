import { createContext, useContext } from "react";
import { sessionEnded } from "@/client/errors";
import type { Run } from "./runs";

/** Tells one session from the next; empty while there is none. */
export const SessionContext = createContext("session");

export const useSessionMark = (): string => useContext(SessionContext);

/** Whether a run was stopped by nothing but the end of a session. */
export function signedOut(run: Run): boolean {
  return run.state === "stopped" && run.error?.code === sessionEnded;
}
