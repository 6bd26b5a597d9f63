import { act, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { App } from "./app";
import { takeToken, type Session } from "./session/session";

const alice: Session = {
  principal: { arn: "arn:aws:iam::000000000000:user/alice", account: "000000000000", name: "alice", kind: "user" },
  region: "us-east-1",
  signIn: "accessKey",
  expires: "2999-01-01T00:00:00Z",
  ends: "2999-01-01T00:00:00Z",
  csrf: "csrf-1",
};

/** The server's side, as far as the shell needs it. */
class Server {
  session: Session | undefined;
  readonly posted: object[] = [];
  readonly calls: { url: string; csrf: string | null }[] = [];

  answer = (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = input as string;
    const method = init.method ?? "GET";
    const refuse = (status: number, code: string, message: string) =>
      Response.json({ code, message }, { status, headers: { "X-Outcrop-Console-Error": code } });
    if (url === "/console/session") {
      if (method === "POST") {
        const given = JSON.parse(init.body as string) as { token?: string; secretAccessKey?: string };
        this.posted.push(given);
        if (given.token !== "good" && given.secretAccessKey !== "right")
          return Promise.resolve(refuse(403, "SignInFailed", "The key is not known."));
        this.session = { ...alice, csrf: `signed-${this.posted.length}` };
      }
      if (method === "DELETE") {
        this.session = undefined;
        return Promise.resolve(new Response(null, { status: 204 }));
      }
      return Promise.resolve(this.session ? Response.json(this.session) : refuse(401, "NotSignedIn", "Nobody."));
    }
    this.calls.push({ url, csrf: new Headers(init.headers).get("x-outcrop-csrf") });
    if (!this.session) return Promise.resolve(refuse(401, "SessionExpired", "Over."));
    return Promise.resolve(
      Response.json({ message: "no" }, { status: 403, headers: { "x-amzn-errortype": "AccessDeniedException" } }),
    );
  };
}

let server: Server;

beforeEach(() => {
  server = new Server();
  vi.stubGlobal("fetch", server.answer);
  window.history.replaceState(null, "", "/console/");
});

const signIn = async (secret: string) => {
  const user = userEvent.setup();
  await user.type(await screen.findByLabelText("Access key ID"), "AKIA");
  await user.type(screen.getByLabelText("Secret access key"), secret);
  await user.click(screen.getByRole("button", { name: "Sign in" }));
};

describe("signing in", () => {
  test("with an access key, after a wrong one", async () => {
    render(<App />);
    await signIn("wrong");
    expect(await screen.findByText("The key is not known.")).toBeVisible();
    await userEvent.setup().clear(screen.getByLabelText("Access key ID"));
    await userEvent.setup().clear(screen.getByLabelText("Secret access key"));
    await signIn("right");
    expect(await screen.findByRole("heading", { name: "Overview" })).toBeVisible();
    expect(server.posted.at(-1)).toEqual({ accessKeyId: "AKIA", secretAccessKey: "right" });
    expect(server.calls[0]).toEqual({ url: "/console/call/outcrop/us-east-1/server", csrf: "signed-2" });
  });

  test("with a link's token, which is posted once", async () => {
    render(<App token="good" />);
    expect(await screen.findByRole("heading", { name: "Overview" })).toBeVisible();
    expect(server.posted).toEqual([{ token: "good" }]);
  });

  test("with a link that was used says why not", async () => {
    render(<App token="used" />);
    expect(await screen.findByText("The key is not known.")).toBeVisible();
    expect(server.posted).toHaveLength(1);
  });

  test.each([
    ["/console/sign-in#token=abc", "abc", "/console/"],
    ["/console/sign-in?region=eu-west-1#token=abc", "abc", "/console/?region=eu-west-1"],
    ["/console/usage#token=abc", "abc", "/console/usage"],
    ["/console/sign-in", undefined, "/console/"],
    ["/console/usage#top", undefined, "/console/usage#top"],
  ])("the address %s gives its token away", (from, token, to) => {
    window.history.replaceState(null, "", from);
    expect(takeToken(window.location, window.history)).toBe(token);
    expect(window.location.href).toBe(new URL(to, window.location.origin).href);
  });
});

test("a session that ends leaves the page as it is, behind the sign-in", async () => {
  const user = userEvent.setup();
  server.session = alice;
  render(<App />);
  await screen.findByRole("heading", { name: "Overview" });
  const page = screen.getByRole("main");
  server.session = undefined;
  await user.click(await screen.findByRole("button", { name: /N. Virginia/ }));
  await user.click(await screen.findByText("Ireland"));
  expect(await screen.findByText(/Your session has ended/)).toBeVisible();
  expect(page).not.toBeVisible();
  await signIn("right");
  await waitFor(() => expect(page).toBeVisible());
  await waitFor(() =>
    expect(server.calls.at(-1)).toEqual({ url: "/console/call/outcrop/eu-west-1/server", csrf: "signed-1" }),
  );
});

test("the region is in the address and is kept", async () => {
  server.session = alice;
  window.history.replaceState(null, "", "/console/?region=eu-central-1");
  const { unmount } = render(<App />);
  await screen.findByRole("button", { name: /Frankfurt/ });
  expect(server.calls[0]?.url).toContain("/eu-central-1/");
  unmount();
  window.history.replaceState(null, "", "/console/");
  render(<App />);
  await screen.findByRole("button", { name: /Frankfurt/ });
  expect(window.location.search).toBe("?region=eu-central-1");
});

test("signing out here signs the other tabs out, and nothing stays of the page", async () => {
  const user = userEvent.setup();
  server.session = alice;
  const heard: unknown[] = [];
  const other = new BroadcastChannel("outcrop-session");
  other.addEventListener("message", (event) => heard.push(event.data));
  render(<App />);
  await screen.findByRole("heading", { name: "Overview" });
  await user.click(screen.getByRole("button", { name: /alice/ }));
  await user.click(await screen.findByText("Sign out"));
  expect(await screen.findByRole("button", { name: "Sign in" })).toBeVisible();
  expect(screen.queryByText("Overview")).toBeNull();
  await waitFor(() => expect(heard).toEqual(["signed-out"]));
  other.close();
});

test("another tab that signs out signs this one out", async () => {
  server.session = alice;
  render(<App />);
  await screen.findByRole("heading", { name: "Overview" });
  const other = new BroadcastChannel("outcrop-session");
  act(() => other.postMessage("signed-out"));
  expect(await screen.findByRole("button", { name: "Sign in" })).toBeVisible();
  other.close();
});

test("an address without a page says so", async () => {
  server.session = alice;
  window.history.replaceState(null, "", "/console/nothing/here");
  render(<App />);
  expect(await screen.findByText("Nothing is at this address")).toBeVisible();
  expect(within(screen.getByRole("main")).getByRole("heading", { name: "There is no such page" })).toBeVisible();
});
