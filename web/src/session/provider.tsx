import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { asServiceError, type ServiceError } from "@/client/errors";
import { deleteSession, getSession, postSession, type Credentials, type Session } from "./session";

/** Where the page stands with its session. "ended": there was one, and the page behind the sign-in keeps its state. */
export type SessionState =
  | { at: "asking" }
  | { at: "signed-out" }
  | { at: "signed-in"; session: Session }
  | { at: "ended"; session: Session }
  | { at: "failed"; error: ServiceError };

export interface SessionControl {
  state: SessionState;
  /** What a link was refused with. */
  linkError: ServiceError | undefined;
  signIn: (credentials: Credentials) => Promise<void>;
  signOut: () => Promise<void>;
  /** The token that calls carry, as of now. */
  csrf: () => string;
  /** Says that a call was refused because the session has ended. */
  ended: () => void;
  /** Asks the server again. */
  reload: () => Promise<void>;
}

const SessionContext = createContext<SessionControl | undefined>(undefined);

export function useSessionControl(): SessionControl {
  const control = useContext(SessionContext);
  if (!control) throw new Error("there is no session around this component");
  return control;
}

const channelName = "outcrop-session";

/** Keeps the session, in step with the other tabs. token is that of a one-time link. */
export function SessionProvider({ token, children }: { token?: string | undefined; children: ReactNode }) {
  const [state, setState] = useState<SessionState>({ at: "asking" });
  const [linkError, setLinkError] = useState<ServiceError>();
  const queries = useQueryClient();
  const channel = useRef<BroadcastChannel | null>(null);
  const current = useRef<Session | undefined>(undefined);

  const enter = useCallback(
    (session: Session | undefined) => {
      const before = current.current;
      // What one principal may see is not for the next one.
      if (before && before.principal.arn !== session?.principal.arn) queries.clear();
      current.current = session;
      setState(session ? { at: "signed-in", session } : { at: "signed-out" });
      // Another session: what the one before could not see any more is asked again.
      if (session && before && before.csrf !== session.csrf) void queries.invalidateQueries();
    },
    [queries],
  );

  const ended = useCallback(() => {
    setState((was) => (was.at === "signed-in" ? { at: "ended", session: was.session } : was));
  }, []);
  const csrf = useCallback(() => current.current?.csrf ?? "", []);

  const reload = useCallback(async () => {
    try {
      const session = await getSession();
      // What was begun on the page waits for who signs in again.
      if (!session && current.current) ended();
      else enter(session);
    } catch (thrown) {
      const error = asServiceError(thrown);
      setState((was) => (was.at === "asking" || was.at === "failed" ? { at: "failed", error } : was));
    }
  }, [ended, enter]);

  const signIn = useCallback(
    async (credentials: Credentials) => {
      enter(await postSession(credentials));
      channel.current?.postMessage("signed-in");
    },
    [enter],
  );

  const signOut = useCallback(async () => {
    await deleteSession(current.current?.csrf ?? "");
    enter(undefined);
    channel.current?.postMessage("signed-out");
  }, [enter]);

  // A link's token is posted once, also where effects run twice.
  const started = useRef(false);
  useEffect(() => {
    if (started.current) return;
    started.current = true;
    if (token === undefined) {
      // oxlint-disable-next-line react/set-state-in-effect -- not before the server has answered
      void reload();
      return;
    }
    signIn({ token }).catch((thrown: unknown) => {
      setLinkError(asServiceError(thrown));
      void reload();
    });
  }, [reload, signIn, token]);

  useEffect(() => {
    if (typeof BroadcastChannel === "undefined") return;
    const tabs = new BroadcastChannel(channelName);
    tabs.addEventListener("message", ({ data }) => {
      if (data === "signed-out") enter(undefined);
      else void reload();
    });
    channel.current = tabs;
    return () => tabs.close();
  }, [enter, reload]);

  const control = useMemo(
    () => ({ state, linkError, signIn, signOut, csrf, ended, reload }),
    [state, linkError, signIn, signOut, csrf, ended, reload],
  );
  return <SessionContext.Provider value={control}>{children}</SessionContext.Provider>;
}

/** The session, for everything that is shown to somebody who has signed in. */
export function useSession(): Session {
  const { state } = useSessionControl();
  if (state.at !== "signed-in" && state.at !== "ended") throw new Error("nobody has signed in");
  return state.session;
}
