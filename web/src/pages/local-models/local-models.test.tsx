import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import type { LocalModel, LocalModels, Pull } from "@/api/outcrop.gen";
import { ServiceError } from "@/client";
import { renderPage } from "@/test/render";
import LocalModelsPage from ".";
import { fitText, parametersText, percent, progressText } from "./words";

const GiB = 2 ** 30;

const model = (name: string, more: Partial<LocalModel> = {}): LocalModel => ({
  name,
  file: `${name}.gguf`,
  sizeBytes: GiB,
  sha256: "abc",
  parameters: 135_000_000,
  quantization: "Q4_K_M",
  architecture: "llama",
  contextLength: 8192,
  embeddingLength: 0,
  chatTemplate: true,
  license: "Apache-2.0",
  source: "hf.co/a/b:Q4_K_M",
  builtIn: false,
  installed: true,
  problem: "",
  addedAt: null,
  usedFor: [],
  state: "unloaded",
  why: "",
  memoryBytes: 0,
  users: 0,
  loadedAt: null,
  tokensPerSecond: null,
  fit: { needBytes: 2 * GiB, freeBytes: 4 * GiB, fits: true, why: "" },
  ...more,
});

const pull = (more: Partial<Pull> = {}): Pull => ({
  id: "p-1",
  source: "ollama.com/library/qwen3:0.6b",
  name: "qwen3-0.6b",
  state: "running",
  bytes: GiB / 4,
  totalBytes: GiB,
  bytesPerSecond: GiB / 16,
  step: "qwen3-0.6b",
  note: "",
  startedAt: "2026-01-02T03:04:05Z",
  endedAt: null,
  error: null,
  ...more,
});

const local = (models: LocalModel[], pulls: Pull[] = [], more: Partial<LocalModels> = {}): LocalModels => ({
  models,
  memory: { totalBytes: 16 * GiB, freeBytes: 4 * GiB, modelBytes: GiB, limitBytes: null },
  diskFreeBytes: 100 * GiB,
  offline: false,
  pulls,
  sources: [{ form: "ollama.com/library/MODEL:TAG", example: "ollama.com/library/qwen3:0.6b", what: "a model" }],
  directory: "/models",
  ...more,
});

test("loads the chosen model", async () => {
  const { client } = renderPage(<LocalModelsPage />, {
    "GET local-models": local([
      model("tiny"),
      model("huge", {
        fit: { needBytes: 9 * GiB, freeBytes: 4 * GiB, fits: false, why: "There is not enough free memory." },
      }),
    ]),
    "POST local-models/tiny/load": model("tiny", { state: "loading" }),
  });
  expect(await screen.findByText("Does not fit: 9.0 GiB")).toBeVisible();
  await userEvent.click(screen.getByRole("radio", { name: "tiny" }));
  expect(screen.getByRole("button", { name: "Unload" })).toBeDisabled();
  await userEvent.click(screen.getByRole("button", { name: "Load" }));
  expect(await screen.findByText("tiny is being loaded.")).toBeVisible();
  expect(client.inputs("POST local-models/tiny/load")).toHaveLength(1);
});

test("deletes a model once its name was typed, and says why it cannot", async () => {
  let refused = true;
  const { client } = renderPage(<LocalModelsPage />, {
    "GET local-models": local([model("tiny")]),
    "DELETE local-models/tiny": () => {
      if (!refused) return { name: "tiny" };
      refused = false;
      throw new ServiceError({
        code: "ConflictException",
        message: "The model tiny is used: a route leads to it.",
        requestId: "r-3",
      });
    },
  });
  await userEvent.click(await screen.findByRole("radio", { name: "tiny" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).getByRole("button", { name: "Delete" })).toBeDisabled();
  await userEvent.type(within(dialog).getByRole("textbox"), "tiny");
  await userEvent.click(within(dialog).getByRole("button", { name: "Delete" }));
  expect(await within(dialog).findByText(/The model tiny is used/)).toBeVisible();
  expect(within(dialog).getByText("Request r-3")).toBeVisible();
  await userEvent.click(within(dialog).getByRole("button", { name: "Delete" }));
  expect(await screen.findByText("tiny was deleted.")).toBeVisible();
  expect(client.inputs("DELETE local-models/tiny")).toHaveLength(2);
});

test("what comes with the server is not deleted", async () => {
  renderPage(<LocalModelsPage />, { "GET local-models": local([model("smol", { builtIn: true })]) });
  await userEvent.click(await screen.findByRole("radio", { name: "smol" }));
  expect(screen.getByRole("button", { name: "Delete" })).toHaveAttribute("aria-disabled", "true");
});

test("tells what a pull would add, and pulls", async () => {
  const { client } = renderPage(<LocalModelsPage />, {
    "GET local-models": local([]),
    "GET local-models/plan": {
      name: "qwen3-0.6b",
      source: "ollama.com/library/qwen3:0.6b",
      sizeBytes: GiB / 2,
      license: "Apache-2.0",
      here: false,
      fit: { needBytes: 20 * GiB, freeBytes: 4 * GiB, fits: false, why: "There is not enough free memory." },
      diskFreeBytes: 100 * GiB,
    },
    "POST local-models/pulls": pull(),
  });
  await userEvent.click((await screen.findAllByRole("button", { name: "Pull a model" }))[0] as HTMLElement);
  const dialog = await screen.findByRole("dialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "ollama.com/library/MODEL:TAG" }));
  await userEvent.click(within(dialog).getByRole("button", { name: "Check" }));
  expect(await within(dialog).findByText("512 MiB")).toBeVisible();
  expect(within(dialog).getByText(/It needs about 20.0 GiB. There is not enough free memory./)).toBeVisible();
  await userEvent.click(within(dialog).getByRole("button", { name: "Pull" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  expect(client.inputs("POST local-models/pulls")).toEqual([{ source: "ollama.com/library/qwen3:0.6b", name: "" }]);
});

test("shows how far pulls are, cancels them and goes on", async () => {
  const { client } = renderPage(<LocalModelsPage />, {
    "GET local-models": local(
      [],
      [
        pull(),
        pull({
          id: "p-2",
          name: "broken",
          source: "hf.co/a/broken",
          state: "failed",
          bytesPerSecond: 0,
          error: { code: "ServiceUnavailableException", message: "The hub does not answer.", requestId: "p-2" },
        }),
        pull({ id: "p-3", name: "", source: "https://example.org/m.gguf", state: "cancelled", bytesPerSecond: 0 }),
      ],
    ),
    "DELETE local-models/pulls/p-1": pull(),
    "DELETE local-models/pulls/p-3": pull({ id: "p-3", state: "cancelled" }),
    "POST local-models/pulls": pull(),
  });
  expect(await screen.findByText(/256 MiB of 1.0 GiB, 64.0 MiB\/s, 12 s left/)).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Cancel the pull of qwen3-0.6b" }));
  expect(await screen.findByText("The pull was cancelled. What has arrived is kept.")).toBeVisible();
  expect(screen.getByText(/The hub does not answer/)).toBeVisible();
  // Of an address the digest is not told, so that it cannot be pulled again from here.
  await userEvent.click(screen.getByRole("button", { name: "Go on" }));
  await waitFor(() =>
    expect(client.inputs("POST local-models/pulls")).toEqual([{ source: "hf.co/a/broken", name: "broken" }]),
  );
  // What is over can be taken out of the list.
  await userEvent.click(
    screen.getByRole("button", { name: "Take the pull of https://example.org/m.gguf out of the list" }),
  );
  await waitFor(() => expect(client.inputs("DELETE local-models/pulls/p-3")).toHaveLength(1));
});

test("says what one may not do", async () => {
  const denied = new ServiceError({
    code: "AccessDeniedException",
    message: "User: x is not authorized to perform: outcrop:ListLocalModels",
    requestId: "r-1",
    status: 403,
  });
  renderPage(<LocalModelsPage />, { "GET local-models": denied });
  expect(await screen.findByText("You are not allowed to see local models (outcrop:ListLocalModels)")).toBeVisible();
});

test("shows the parameters of a model", async () => {
  renderPage(
    <LocalModelsPage />,
    { "GET local-models": local([model("a:b c", { state: "failed", why: "The file is damaged." })]) },
    { path: "/a%3Ab%20c" },
  );
  expect(await screen.findByText("135,000,000")).toBeVisible();
  expect(screen.getByText("The file is damaged.")).toBeVisible();
  expect(screen.getByText(/model: "a:b c"/)).toBeVisible();
});

test.each([
  [0, "-"],
  [999, "999"],
  [135_000_000, "135M"],
  [7_615_616_512, "7.62B"],
])("%d parameters are %s", (n, want) => expect(parametersText(n)).toBe(want));

test("a pull of unknown size has no percentage", () => {
  expect(percent(pull({ totalBytes: 0 }))).toBeUndefined();
  expect(percent(pull({ bytes: 2 * GiB }))).toBe(100);
  expect(progressText(pull({ totalBytes: 0, bytesPerSecond: 0 }))).toBe("256 MiB");
});

test("what is not known of memory is said", () => {
  expect(fitText({ needBytes: 0, freeBytes: null, fits: true, why: "" })).toBe(
    "How much memory it needs is not known.",
  );
  expect(fitText({ needBytes: GiB, freeBytes: 2 * GiB, fits: true, why: "" })).toBe(
    "It needs about 1.0 GiB and fits. There is room for 2.0 GiB.",
  );
});
