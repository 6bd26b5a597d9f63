import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ModelAccess, ModelAccessState } from "@/api/outcrop.gen";
import { ServiceError } from "@/client";
import { renderPage, type Answers } from "@/test/render";
import ModelAccessPage from ".";
import { served } from "../catalog/model.fixture";

const state = (id: string, more: Partial<ModelAccessState> = {}): ModelAccessState => ({
  id,
  name: id,
  provider: "Amazon",
  lifecycle: "ACTIVE",
  status: "NOT_AVAILABLE",
  needsUseCase: false,
  requestedBy: "",
  requestedAt: null,
  decidedAt: null,
  reason: "",
  barred: false,
  servedBy: served("local", "qwen3-0.6b", { standIn: true }),
  unserved: "",
  ...more,
});

const access = (mode: string, models: ModelAccessState[], useCaseSubmitted = false): ModelAccess => ({
  region: "us-east-1",
  mode,
  useCaseSubmitted,
  models,
});

const document = (id: string) =>
  `Terms for the model ${id}\n\nModel:    ${id}\nAnswers:  local/qwen3-0.6b\n\nOur terms for <b>all</b>.\n`;

const offers = ({ modelId }: { modelId: string }) => ({
  modelId,
  offers: [
    {
      offerToken: `token-${modelId}`,
      termDetails: { legalTerm: { url: `http://elsewhere:8484/model-terms/${modelId}` } },
    },
  ],
});

const denied = new ServiceError({
  code: "AccessDeniedException",
  message: "User: x is not authorized to perform: outcrop:ListAccessRequests",
  requestId: "r-1",
  status: 403,
});

const answers = (given: ModelAccess, more: Answers = {}): Answers => ({
  "GET model-access": given,
  "GET access-requests": denied,
  ListFoundationModelAgreementOffers: offers,
  CreateFoundationModelAgreement: ({ modelId }: { modelId: string }) => ({ modelId }),
  ...more,
});

const read = vi.fn<(path: string) => Promise<Response>>();

beforeEach(() => {
  read.mockImplementation((path) =>
    Promise.resolve(
      new Response(document(path.replace("/model-terms/", "")), {
        headers: { "Content-Type": "text/plain; charset=utf-8" },
      }),
    ),
  );
  vi.stubGlobal("fetch", read);
});

afterEach(() => vi.unstubAllGlobals());

async function select(...ids: string[]) {
  for (const id of ids) await userEvent.click(await screen.findByRole("checkbox", { name: id }));
}

test("asks for the selected models with the terms that were read", async () => {
  const { client } = renderPage(
    <ModelAccessPage />,
    answers(access("request", [state("amazon.nova"), state("amazon.titan"), state("cohere.embed")])),
  );
  await select("amazon.nova", "amazon.titan");
  await userEvent.click(screen.getByRole("button", { name: "Request access (2)" }));
  const dialog = await screen.findByRole("dialog");
  // The operator's text is there once, as text, with who answers for each model.
  expect(await within(dialog).findByText("Our terms for <b>all</b>.")).toBeVisible();
  expect(within(dialog).getByText(/Requests for amazon.nova are answered by local\/qwen3-0.6b instead/)).toBeVisible();
  expect(read.mock.calls.map(([path]) => path)).toEqual(["/model-terms/amazon.nova", "/model-terms/amazon.titan"]);

  await userEvent.click(within(dialog).getByRole("button", { name: "Accept and get access" }));
  expect(within(dialog).getByText("Accept the terms to go on.")).toBeVisible();
  expect(client.inputs("CreateFoundationModelAgreement")).toEqual([]);

  await userEvent.click(within(dialog).getByRole("checkbox"));
  await userEvent.click(within(dialog).getByRole("button", { name: "Accept and get access" }));
  expect(await screen.findByText("Access to 2 models was granted.")).toBeVisible();
  expect(client.inputs("CreateFoundationModelAgreement")).toEqual([
    { modelId: "amazon.nova", offerToken: "token-amazon.nova" },
    { modelId: "amazon.titan", offerToken: "token-amazon.titan" },
  ]);
  expect(client.inputs("GET model-access").length).toBeGreaterThan(1);
});

test("submits the use case details where a provider wants them", async () => {
  const { client } = renderPage(
    <ModelAccessPage />,
    answers(access("approval", [state("anthropic.claude", { needsUseCase: true })]), { PutUseCaseForModelAccess: {} }),
  );
  await select("anthropic.claude");
  await userEvent.click(screen.getByRole("button", { name: "Request access (1)" }));
  const dialog = await screen.findByRole("dialog");
  await within(dialog).findByText("Our terms for <b>all</b>.");
  await userEvent.click(within(dialog).getByRole("checkbox"));
  await userEvent.click(within(dialog).getByRole("button", { name: "Submit request" }));
  expect(within(dialog).getByText("Enter the name of the company.")).toBeVisible();
  expect(client.inputs("PutUseCaseForModelAccess")).toEqual([]);

  await userEvent.type(within(dialog).getByLabelText("Company name"), "Beispiel Größe");
  await userEvent.type(within(dialog).getByLabelText("Company website"), "https://example.com");
  await userEvent.click(within(dialog).getByRole("button", { name: /^Industry/ }));
  await userEvent.click(await screen.findByRole("option", { name: "Education" }));
  await userEvent.type(within(dialog).getByLabelText("Use cases"), "Teaching");
  await userEvent.click(within(dialog).getByRole("button", { name: "Submit request" }));
  expect(await screen.findByText("Access to 1 model was requested. An administrator has to approve.")).toBeVisible();
  const form = client.inputs("PutUseCaseForModelAccess")[0]?.formData as string;
  expect(JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(form), (c) => c.charCodeAt(0))))).toEqual({
    companyName: "Beispiel Größe",
    companyWebsite: "https://example.com",
    intendedUsers: "0",
    industryOption: "Education",
    otherIndustryOption: "",
    useCases: "Teaching",
  });
});

test("says which of several did not work", async () => {
  renderPage(
    <ModelAccessPage />,
    answers(access("request", [state("amazon.nova"), state("amazon.titan")]), {
      CreateFoundationModelAgreement: ({ modelId }: { modelId: string }) => {
        if (modelId === "amazon.nova") return { modelId };
        throw new ServiceError({
          code: "ValidationException",
          message: "The offer token is not valid",
          requestId: "r-7",
        });
      },
    }),
  );
  await userEvent.click(await screen.findByRole("button", { name: "Select all 2 to request" }));
  await userEvent.click(screen.getByRole("button", { name: "Request access (2)" }));
  const dialog = await screen.findByRole("dialog");
  await within(dialog).findByText("Our terms for <b>all</b>.");
  await userEvent.click(within(dialog).getByRole("checkbox"));
  await userEvent.click(within(dialog).getByRole("button", { name: "Accept and get access" }));
  expect(await within(dialog).findByText("1 model failed")).toBeVisible();
  expect(within(dialog).getByText(/The offer token is not valid \(ValidationException, request r-7\)/)).toBeVisible();
  expect(screen.getByText("Access to 1 model was granted.")).toBeInTheDocument();
});

test("says that nothing has to be requested", async () => {
  renderPage(<ModelAccessPage />, answers(access("auto", [state("amazon.nova", { status: "AVAILABLE" })])));
  expect(await screen.findByText("Nothing has to be requested")).toBeVisible();
  expect(screen.getByText("No request needed")).toBeVisible();
  await select("amazon.nova");
  expect(screen.getByRole("button", { name: "Request access" })).toHaveAttribute("aria-disabled", "true");
});

test("who may not decide reads so, and is not offered to", async () => {
  renderPage(<ModelAccessPage />, answers(access("approval", [state("amazon.nova")])), { path: "/?tab=requests" });
  expect(
    await screen.findByText("You are not allowed to see requests for models (outcrop:ListAccessRequests)"),
  ).toBeVisible();
  await userEvent.click(screen.getByRole("tab", { name: "Models" }));
  await select("amazon.nova");
  await userEvent.click(screen.getByRole("button", { name: "Actions" }));
  expect(screen.queryByText("Administer")).not.toBeInTheDocument();
});

test("an administrator denies with a reason", async () => {
  const request = {
    model: "amazon.nova",
    region: "eu-central-1",
    status: "PENDING",
    requestedBy: "arn:aws:iam::000000000000:user/alice",
    requestedAt: "2026-01-02T03:04:05Z",
    decidedAt: null,
    reason: "",
    barred: false,
  };
  const { client } = renderPage(
    <ModelAccessPage />,
    answers(access("approval", [state("amazon.nova")]), {
      "GET access-requests": { mode: "approval", requests: [request], nextToken: "" },
      "POST access-requests/deny": { ...request, status: "DENIED" },
    }),
    { path: "/?tab=requests" },
  );
  expect(await screen.findByRole("tab", { name: "Requests (1 pending)" })).toBeVisible();
  await select("amazon.nova in eu-central-1");
  await userEvent.click(screen.getByRole("button", { name: "Deny" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByRole("textbox"), "Too dear.");
  await userEvent.click(within(dialog).getByRole("button", { name: "Deny" }));
  await waitFor(() =>
    expect(client.inputs("POST access-requests/deny")).toEqual([
      { model: "amazon.nova", region: "eu-central-1", reason: "Too dear." },
    ]),
  );
  expect(await screen.findByText("Access to 1 model was denied.")).toBeVisible();
});

test("what did not work is tried again, and what was granted meanwhile is not", async () => {
  const models = [state("amazon.nova"), state("amazon.titan")];
  const granted = new Set<string>();
  let busy = true;
  const { client } = renderPage(
    <ModelAccessPage />,
    answers(access("request", models), {
      "GET model-access": () =>
        access(
          "request",
          models.map((m) => (granted.has(m.id) ? { ...m, status: "AVAILABLE" } : m)),
        ),
      CreateFoundationModelAgreement: ({ modelId }: { modelId: string }) => {
        if (modelId === "amazon.titan" && busy)
          throw new ServiceError({ code: "ThrottlingException", message: "busy" });
        granted.add(modelId);
        return { modelId };
      },
    }),
  );
  await userEvent.click(await screen.findByRole("button", { name: "Select all 2 to request" }));
  await userEvent.click(screen.getByRole("button", { name: "Request access (2)" }));
  const dialog = await screen.findByRole("dialog");
  await within(dialog).findByText("Our terms for <b>all</b>.");
  const reads = read.mock.calls.length;
  await userEvent.click(within(dialog).getByRole("checkbox"));
  await userEvent.click(within(dialog).getByRole("button", { name: "Accept and get access" }));
  expect(await within(dialog).findByText("1 model failed")).toBeVisible();
  // The page behind knows already, and the dialog keeps what was chosen and read.
  expect(await screen.findByRole("button", { name: "Request access (1)", hidden: true })).toBeInTheDocument();
  expect(within(dialog).getByText("Request access to 2 models")).toBeVisible();
  busy = false;
  await userEvent.click(within(dialog).getByRole("button", { name: "Try again (1)" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  expect(client.inputs("CreateFoundationModelAgreement").map(({ modelId }) => modelId)).toEqual([
    "amazon.nova",
    "amazon.titan",
    "amazon.titan",
  ]);
  expect(read.mock.calls.length).toBe(reads);
});

test("models without an offer do not keep the others from being asked for", async () => {
  const { client } = renderPage(
    <ModelAccessPage />,
    answers(access("request", [state("amazon.nova"), state("amazon.titan")]), {
      ListFoundationModelAgreementOffers: (input: { modelId: string }) => {
        if (input.modelId === "amazon.nova") return offers(input);
        throw new ServiceError({
          code: "AccessDeniedException",
          message: "not this one",
          requestId: "r-3",
          status: 403,
        });
      },
    }),
  );
  await userEvent.click(await screen.findByRole("button", { name: "Select all 2 to request" }));
  await userEvent.click(screen.getByRole("button", { name: "Request access (2)" }));
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByText("1 model has no terms to read")).toBeVisible();
  expect(within(dialog).getByText(/not this one \(AccessDeniedException, request r-3\)/)).toBeVisible();
  await userEvent.click(within(dialog).getByRole("checkbox"));
  await userEvent.click(within(dialog).getByRole("button", { name: "Accept and get access" }));
  expect(await screen.findByText("Access to 1 model was granted.")).toBeVisible();
  expect(client.inputs("CreateFoundationModelAgreement")).toHaveLength(1);
});

test("a denied model says why, and who asks again waits for an administrator", async () => {
  const denial = { status: "DENIED", barred: true, reason: "Too dear.", requestedAt: "2026-01-02T03:04:05Z" };
  const { client } = renderPage(<ModelAccessPage />, answers(access("request", [state("amazon.nova", denial)])));
  await userEvent.click(await screen.findByRole("button", { name: "Denied" }));
  expect(await screen.findByText("You can ask again. An administrator decides.")).toBeVisible();
  await select("amazon.nova");
  await userEvent.click(screen.getByRole("button", { name: "Request access (1)" }));
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByText("An administrator has denied this model")).toBeVisible();
  expect(within(dialog).getByText("Too dear.")).toBeVisible();
  await userEvent.click(await within(dialog).findByRole("checkbox"));
  await within(dialog).findByText("Our terms for <b>all</b>.");
  await userEvent.click(within(dialog).getByRole("button", { name: "Submit request" }));
  expect(await screen.findByText("Access to 1 model was requested. An administrator has to approve.")).toBeVisible();
  expect(client.inputs("CreateFoundationModelAgreement")).toHaveLength(1);
});

test("who withdraws a request for a denied model is told that it is denied again", async () => {
  const again = { status: "PENDING", barred: true, reason: "Too dear.", requestedAt: "2026-01-02T03:04:05Z" };
  const { client } = renderPage(
    <ModelAccessPage />,
    answers(access("request", [state("amazon.nova", again)]), { DeleteFoundationModelAgreement: {} }),
  );
  expect(await screen.findByText("Denied before: Too dear.")).toBeVisible();
  await select("amazon.nova");
  await userEvent.click(screen.getByRole("button", { name: "Actions" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Withdraw the request" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).getByText("amazon.nova was denied before, and is so again.")).toBeVisible();
  await userEvent.click(within(dialog).getByRole("button", { name: "Withdraw" }));
  expect(await screen.findByText("The request for 1 model was withdrawn.")).toBeVisible();
  expect(client.inputs("DeleteFoundationModelAgreement")).toEqual([{ modelId: "amazon.nova" }]);
});
