import { readError, ServiceError } from "@/client/errors";

/** Who has signed in, and until when. */
export interface Session {
  principal: { arn: string; account: string; name: string; kind: string };
  /** The region that a page starts with. */
  region: string;
  signIn: "accessKey" | "temporaryCredentials" | "apiKey" | "link" | "off";
  /** When the session ends unless it is used; absent where nobody signs in. */
  expires?: string;
  /** When it ends however much it is used. */
  ends?: string;
  csrf: string;
}

/** One of the ways to sign in. */
export type Credentials =
  | { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  | { apiKey: string }
  | { token: string };

async function ask(method: string, body?: Credentials, csrf?: string): Promise<Response> {
  try {
    return await fetch("/console/session", {
      method,
      headers: {
        ...(body ? { "Content-Type": "application/json" } : {}),
        ...(csrf ? { "X-Outcrop-CSRF": csrf } : {}),
      },
      body: body ? JSON.stringify(body) : null,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ServiceError({ code: "NetworkError", message: `The server cannot be reached: ${why}` });
  }
}

/**
 * Reads a session. Its times become those of the browser's clock, which may be wrong: what counts is how long the session
 * still lasts.
 */
async function read(answer: Response): Promise<Session> {
  const session = (await answer.json()) as Session;
  const minute = 60_000;
  const told = Date.parse(answer.headers.get("Date") ?? "");
  const ahead = Number.isNaN(told) ? 0 : Math.round((Date.now() - told) / minute) * minute;
  if (ahead === 0) return session;
  const here = (at: string) => new Date(Date.parse(at) + ahead).toISOString();
  const { expires, ends } = session;
  return { ...session, ...(expires ? { expires: here(expires) } : {}), ...(ends ? { ends: here(ends) } : {}) };
}

/** The session of this browser; undefined where nobody has signed in. */
export async function getSession(): Promise<Session | undefined> {
  const answer = await ask("GET");
  if (answer.status === 401) return undefined;
  if (!answer.ok) throw await readError(answer);
  return read(answer);
}

/** Signs in. */
export async function postSession(credentials: Credentials): Promise<Session> {
  const answer = await ask("POST", credentials);
  if (!answer.ok) throw await readError(answer);
  return read(answer);
}

/** Signs out. A session that has ended meanwhile is no error. */
export async function deleteSession(csrf: string): Promise<void> {
  const answer = await ask("DELETE", undefined, csrf);
  if (!answer.ok && answer.status !== 401) throw await readError(answer);
}

/**
 * Takes the one-time token out of the address, where a link has put it behind #, so that it stays neither in the
 * address bar nor in the history. Whose address is that of the sign-in goes on at the first page.
 */
export function takeToken(location: Location, history: History): string | undefined {
  const token = new URLSearchParams(location.hash.replace(/^#/, "")).get("token") ?? undefined;
  const path = location.pathname.replace(/\/sign-in\/?$/, "/");
  if (token !== undefined || path !== location.pathname)
    history.replaceState(history.state, "", path + location.search);
  return token;
}
