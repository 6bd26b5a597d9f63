import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes, useLocation } from "react-router";
import { expect, test } from "vitest";
import { ServiceError } from "@/client";
import { renderPage } from "@/test/render";
import ModelCatalog from ".";
import { detail, model, served } from "./model.fixture";

function Catalog() {
  const { pathname, search } = useLocation();
  return (
    <>
      <Routes>
        <Route path="/catalog/*" element={<ModelCatalog />} />
        <Route path="*" element={null} />
      </Routes>
      <output aria-label="address">{pathname + search}</output>
    </>
  );
}

const models = [
  model("amazon.nova-micro-v1:0", { name: "Nova Micro", servedBy: served("local", "qwen3-0.6b", { standIn: true }) }),
  model("cohere.embed-v3", {
    name: "Embed",
    provider: "Cohere",
    kind: "embedding",
    servedBy: served("gpu", "embed"),
  }),
  model("ai21.j2-mid-v1", {
    name: "Jurassic-2 Mid",
    provider: "AI21 Labs",
    lifecycle: "LEGACY",
    servedBy: null,
    unserved: "No model is there.",
  }),
];

test("shows the models and who answers for them", async () => {
  renderPage(<Catalog />, { "GET catalog": { region: "us-east-1", models } }, { path: "/catalog" });
  const nova = (await screen.findByText("Nova Micro")).closest("tr");
  if (!nova) throw new Error("there is no row");
  expect(within(nova).getByText("Stand-in")).toBeVisible();
  expect(
    within(nova).getByTitle(
      "Requests for Nova Micro are answered by local/qwen3-0.6b instead. It is another model, with other abilities and its own licence.",
    ),
  ).toBeVisible();
  expect(screen.getByTitle("No model is there.")).toHaveTextContent("Nobody");
  expect(screen.getByText("(3)")).toBeVisible();
});

test("narrows the models by what stands in the address", async () => {
  renderPage(
    <Catalog />,
    { "GET catalog": { region: "us-east-1", models } },
    { path: "/catalog?answered=local&provider=Amazon" },
  );
  expect(await screen.findByText("Nova Micro")).toBeVisible();
  expect(screen.queryByText("Embed")).not.toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Clear filters" }));
  expect(await screen.findByText("Embed")).toBeVisible();
  expect(screen.getByLabelText("address")).toHaveTextContent(/^\/catalog$/);
});

test("puts a filter into the address", async () => {
  renderPage(<Catalog />, { "GET catalog": { region: "us-east-1", models } }, { path: "/catalog" });
  await screen.findByText("Nova Micro");
  await userEvent.click(screen.getByRole("button", { name: /Any lifecycle/ }));
  await userEvent.click(screen.getByRole("option", { name: "Legacy" }));
  await waitFor(() => expect(screen.getByLabelText("address")).toHaveTextContent("/catalog?lifecycle=LEGACY"));
  expect(screen.getByText("Jurassic-2 Mid")).toBeVisible();
  expect(screen.queryByText("Nova Micro")).not.toBeInTheDocument();
});

test("says that no model has what was asked for, and lets go of it", async () => {
  renderPage(
    <Catalog />,
    { "GET catalog": { region: "us-east-1", models } },
    { path: "/catalog?provider=Nobody%20else" },
  );
  expect(await screen.findByText("No models have all of these")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Clear the filters" }));
  expect(await screen.findByText("Nova Micro")).toBeVisible();
});

test("says what one may not do", async () => {
  const denied = new ServiceError({
    code: "AccessDeniedException",
    message: "User: x is not authorized to perform: bedrock:ListFoundationModels",
    requestId: "r-1",
    status: 403,
  });
  renderPage(<Catalog />, { "GET catalog": denied }, { path: "/catalog" });
  expect(
    await screen.findByText("You are not allowed to see the model catalog (bedrock:ListFoundationModels)"),
  ).toBeVisible();
});

test("shows a model with samples of this server", async () => {
  const id = "anthropic.claude-haiku-4-5-20251001-v1:0";
  const { client } = renderPage(
    <Catalog />,
    {
      [`GET catalog/${encodeURIComponent(id)}`]: detail(id, {
        name: "Claude Haiku 4.5",
        servedBy: served("local", "qwen3-0.6b", { standIn: true }),
        inferenceTypes: ["INFERENCE_PROFILE"],
        prices: [{ what: "input", usd: "6", unit: "1M tokens", aboveTokens: 200_000, own: true }],
        profiles: [{ id: `us.${id}`, arn: "arn:aws:x", name: "US Claude", regions: ["us-west-2"] }],
      }),
    },
    { path: `/catalog/${encodeURIComponent(id)}` },
  );
  expect(await screen.findByText("A stand-in answers")).toBeVisible();
  expect(screen.getByText(/are answered by local\/qwen3-0.6b instead/)).toBeVisible();
  expect(screen.getByText("Input, requests above 200,000 tokens")).toBeVisible();
  expect(screen.getByText("This server's configuration")).toBeVisible();
  // It cannot be called by its own ID.
  expect(screen.getByText(new RegExp(`modelId="us.${id}"`))).toBeVisible();
  expect(screen.getByText(new RegExp(`endpoint_url="${window.location.origin}"`))).toBeVisible();
  expect(client.inputs(`GET catalog/${encodeURIComponent(id)}`)).toHaveLength(1);
  await userEvent.click(screen.getByText("Open in playground"));
  expect(screen.getByLabelText("address")).toHaveTextContent(`/playground?model=${encodeURIComponent(id)}`);
});

test("says why there is no sample", async () => {
  const id = "amazon.nova-sonic-v1:0";
  renderPage(
    <Catalog />,
    { [`GET catalog/${encodeURIComponent(id)}`]: detail(id, { kind: "speech" }) },
    { path: `/catalog/${id}` },
  );
  expect(await screen.findByText(/InvokeModelWithBidirectionalStream/)).toBeVisible();
  expect(screen.queryByText("Open in playground")).not.toBeInTheDocument();
});
