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
