import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes } from "react-router";
import { describe, expect, test } from "vitest";
import type { QuotaRequest, QuotaUse } from "@/api/outcrop.gen";
import { ServiceError } from "@/client";
import { renderPage, type Answers } from "@/test/render";
import Quotas from ".";
import {
  amount,
  desiredProblem,
  isNear,
  ofServiceQuotas,
  share,
  unlimited,
  valueText,
  withUse,
  type Quota,
} from "./quota";
import { passes } from "./table";

const quota = (part: Partial<QuotaUse> = {}): QuotaUse => ({
  quotaCode: "L-1",
  quotaName: "On-demand model inference requests per minute for Nova Lite",
  model: "amazon.nova-lite-v1:0",
  class: "on-demand",
  metric: "requests-per-minute",
  value: 100,
  default: 100,
  adjustable: true,
  used: 0,
  ...part,
});

const tokens = quota({ quotaCode: "L-2", metric: "tokens-per-minute", value: 1000, quotaName: "Tokens of Nova Lite" });
const free = quota({ quotaCode: "L-3", model: "other.free", value: null, used: null, quotaName: "Free requests" });

/** A server whose quotas are these, with what is used of them. */
const uses =
  (quotas: QuotaUse[]) =>
  ({ used }: { used?: string }) => ({
    account: "000000000000",
    region: "us-east-1",
    time: "2026-03-10T12:00:00Z",
    quotas: used ? quotas.filter((q) => (q.used ?? 0) > 0) : quotas,
    nextToken: "",
  });

const denied = (action: string) =>
  new ServiceError({
    code: "AccessDeniedException",
    message: `User: arn:aws:iam::000000000000:user/eve is not authorized to perform: ${action} on resource: *`,
    requestId: "r-1",
    status: 403,
  });

const show = (answers: Answers, path = "/quotas") =>
  renderPage(
    <Routes>
      <Route path="/quotas/*" element={<Quotas />} />
    </Routes>,
    answers,
    { path },
  );

describe("the table", () => {
  test("shows what there is and what is used of it", async () => {
    show({ "GET quota-use": uses([quota({ used: 42.5 }), tokens, free]) });
    expect(await screen.findByText("43 (42%)")).toBeVisible();
    expect(screen.getByRole("meter", { name: /requests per minute for Nova Lite/ })).toHaveAttribute(
      "aria-valuetext",
      "43 of 100",
    );
    expect(screen.getAllByText("Unlimited").length).toBeGreaterThan(0);
    expect(screen.getByText("Not counted")).toBeVisible();
  });

  test("takes pages of quotas together", async () => {
    const pages = ({ nextToken, used }: { nextToken?: string; used?: string }) => ({
      ...uses(used ? [] : nextToken ? [tokens] : [quota()])({}),
      nextToken: nextToken || used ? "" : "more",
    });
    show({ "GET quota-use": pages });
    expect(await screen.findByText("(2)")).toBeVisible();
  });

  test("filters by what is near its limit", async () => {
    show({ "GET quota-use": uses([quota({ used: 85 }), tokens, free]) });
    await userEvent.click(await screen.findByRole("button", { name: "Show" }));
    expect(await screen.findByText("(1)")).toBeVisible();
    expect(screen.getByText("85 (85%)")).toBeVisible();
    expect(screen.queryByText("Tokens per minute")).not.toBeInTheDocument();
  });

  test("opens with the filters of its address", async () => {
    show({ "GET quota-use": uses([quota(), tokens, free]) }, "/quotas?model=other.free");
    expect(await screen.findByText("(1)")).toBeVisible();
    expect(screen.getByRole("row", { name: /other\.free/ })).toBeVisible();
  });

  test("shows the values to who may not see what is used", async () => {
    show({
      "GET quota-use": denied("outcrop:GetQuotaUse"),
      ListServiceQuotas: {
        Quotas: [
          {
            QuotaCode: "L-9",
            QuotaName: "On-demand model inference tokens per day for Nova Pro",
            Value: 777,
            Adjustable: true,
          },
        ],
      },
    });
    expect(await screen.findByText("777")).toBeVisible();
    expect(screen.getByText("Nova Pro")).toBeVisible();
    expect(screen.getByText("What is used now is not shown")).toBeVisible();
    expect(screen.getByText(/r-1/)).toBeVisible();
  });

  test("says when nothing may be seen", async () => {
    show({
      "GET quota-use": denied("outcrop:GetQuotaUse"),
      ListServiceQuotas: denied("servicequotas:ListServiceQuotas"),
    });
    expect(
      await screen.findByText("You are not allowed to see the quotas (servicequotas:ListServiceQuotas)"),
    ).toBeVisible();
  });
});

describe("an increase", () => {
  const open = async (answers: Answers) => {
    const page = show({ "GET quota-use": uses([quota()]), ...answers });
    await userEvent.click(await screen.findByRole("radio"));
    await userEvent.click(screen.getByRole("button", { name: "Request increase" }));
    return page;
  };

  test("is asked for", async () => {
    const { client } = await open({
      RequestServiceQuotaIncrease: { RequestedQuota: { Id: "q-1", Status: "PENDING", DesiredValue: 200 } },
    });
    const field = await screen.findByRole("spinbutton", { name: "New value" });
    await userEvent.type(field, "100");
    expect(screen.getByText("More than the 100 that there are.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Request" })).toBeDisabled();
    await userEvent.clear(field);
    await userEvent.type(field, "200{Enter}");
    expect(await screen.findByText(/waits for an administrator \(q-1\)/)).toBeVisible();
    expect(client.inputs("RequestServiceQuotaIncrease")).toEqual([
      { ServiceCode: "bedrock", QuotaCode: "L-1", DesiredValue: 200 },
    ]);
  });

  test("that is refused says why, where it was asked for", async () => {
    await open({
      RequestServiceQuotaIncrease: new ServiceError({
        code: "ResourceAlreadyExistsException",
        message: "There is a request already.",
        requestId: "r-2",
      }),
    });
    await userEvent.type(await screen.findByRole("spinbutton", { name: "New value" }), "200{Enter}");
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByText("There is a request already.")).toBeVisible();
    expect(within(dialog).getByText("Request r-2")).toBeVisible();
  });

  test("of what is unlimited cannot be asked for", async () => {
    show({ "GET quota-use": uses([free]) });
    await userEvent.click(await screen.findByRole("radio"));
    expect(screen.getByRole("button", { name: "Request increase" })).toHaveAttribute("aria-disabled", "true");
  });
});

test("requests have a status in words", async () => {
  show(
    {
      ListRequestedServiceQuotaChangeHistory: {
        RequestedQuotas: [
          {
            Id: "a",
            QuotaCode: "L-1",
            QuotaName: "One",
            DesiredValue: 5,
            Status: "CASE_OPENED",
            Created: 1_760_000_000,
          },
          { Id: "b", QuotaCode: "L-2", QuotaName: "Two", DesiredValue: 6, Status: "APPROVED", Created: 1_750_000_000 },
        ],
      },
    },
    "/quotas/requests",
  );
  expect(await screen.findByText("Waits for an administrator")).toBeVisible();
  expect(screen.getByText("Approved")).toBeVisible();
  expect(screen.getByText("Those of this region; 1 not decided yet.")).toBeVisible();
});

describe("approvals", () => {
  const request = (id: string): QuotaRequest => ({
    id,
    status: "PENDING",
    account: "000000000000",
    region: "us-west-2",
    quotaCode: "L-1",
    quotaName: `Quota ${id}`,
    desiredValue: 200,
    requestedBy: "arn:aws:iam::000000000000:user/alice",
    createdAt: "2026-03-10T12:00:00Z",
    updatedAt: "2026-03-10T12:00:00Z",
  });

  test("decide about several requests", async () => {
    let left = [request("a"), request("b"), request("c")];
    const take = ({ id }: { id: string }) => {
      left = left.filter((r) => r.id !== id);
      return request(id);
    };
    const { client } = show(
      {
        "GET quota-requests": () => ({ requests: left, nextToken: "" }),
        "POST quota-requests/approve": take,
        "POST quota-requests/deny": take,
      },
      "/quotas/approvals",
    );
    await userEvent.click(await screen.findByRole("checkbox", { name: "a" }));
    await userEvent.click(screen.getByRole("checkbox", { name: "b" }));
    await userEvent.click(screen.getByRole("button", { name: "Approve" }));
    expect(await screen.findByText("2 requests were approved.")).toBeVisible();
    expect(client.inputs("POST quota-requests/approve")).toEqual([{ id: "a" }, { id: "b" }]);
    await waitFor(() => expect(screen.queryByText("Quota a")).not.toBeInTheDocument());

    await userEvent.click(screen.getByRole("checkbox", { name: "c" }));
    await userEvent.click(screen.getByRole("button", { name: "Deny" }));
    expect(client.inputs("POST quota-requests/deny")).toEqual([]);
    const dialog = await screen.findByRole("dialog", { name: "Deny this request?" });
    await userEvent.click(within(dialog).getByRole("button", { name: "Deny" }));
    expect(await screen.findByText("The request was denied.")).toBeVisible();
    expect(await screen.findByText("Nothing is to be decided")).toBeVisible();
  });

  test("are for who may decide", async () => {
    show({ "GET quota-requests": denied("outcrop:ListQuotaRequests") }, "/quotas/approvals");
    expect(
      await screen.findByText("You are not allowed to see what is to be decided (outcrop:ListQuotaRequests)"),
    ).toBeVisible();
  });
});

test("a quota has a page of its own", async () => {
  show(
    {
      "GET quota-use": uses([quota({ used: 10 })]),
      GetServiceQuota: { Quota: { QuotaArn: "arn:aws:servicequotas:us-east-1:000000000000:bedrock/L-1" } },
      ListRequestedServiceQuotaChangeHistoryByQuota: { RequestedQuotas: [] },
    },
    "/quotas/quota/L-1",
  );
  expect(await screen.findByRole("heading", { level: 1, name: /requests per minute for Nova Lite/ })).toBeVisible();
  expect(await screen.findByText("10 (10%)")).toBeVisible();
  expect(screen.getByText("Nobody has asked for more of it")).toBeVisible();
});

describe("numbers", () => {
  test("of a part", () => {
    expect(share({ used: 50, value: 100 })).toBe(0.5);
    expect(share({ used: null, value: null })).toBeUndefined();
    expect(share({ used: 5, value: null })).toBeUndefined();
    expect(share({ used: 0, value: 0 })).toBe(1);
    expect(isNear({ used: 79.9, value: 100 })).toBe(false);
    expect(isNear({ used: 80, value: 100 })).toBe(true);
  });

  test("of what is used", () => {
    expect(amount(2.34)).toBe("2.3");
    expect(amount(12.34)).toBe("12");
    expect(valueText(null)).toBe("Unlimited");
    expect(valueText(unlimited)).toBe("Unlimited");
  });

  test.each([
    ["", 100, undefined],
    ["101", 100, undefined],
    ["100", 100, "More than the 100 that there are."],
    ["1.5", 100, "A whole number."],
    ["1e99", 100, "A whole number."],
    ["x", 100, "A whole number."],
  ])("that are asked for: %j of %d", (text, value, says) => {
    expect(desiredProblem(text, value)).toBe(says);
  });
});

test("what nothing is used of any more is at zero, and what has not changed stays", () => {
  const before: Quota[] = [quota({ used: 5 }), tokens, quota({ quotaCode: "L-4", value: null, used: 3 })];
  const after = withUse(before, [tokens]);
  expect(after.map((q) => q.used)).toEqual([0, 0, null]);
  expect(after[1]).toBe(before[1]);
});

test("ten thousand quotas are merged and filtered at once", () => {
  const many: Quota[] = Array.from({ length: 10_000 }, (_, i) =>
    quota({ quotaCode: `L-${i}`, model: `m-${i % 1000}`, used: i % 7 }),
  );
  const now = many.filter((q) => (q.used ?? 0) > 3);
  const merged = withUse(many, now);
  expect(merged.filter((q) => passes(q, "", "", "used"))).toHaveLength(now.length);
  expect(merged.filter((q) => passes(q, "m-7", "", ""))).toHaveLength(10);
});

test.each([
  [
    "On-demand model inference requests per minute for Amazon Nova Lite",
    "on-demand",
    "requests-per-minute",
    "Amazon Nova Lite",
  ],
  [
    "Cross-region model inference tokens per minute for Anthropic Claude 3.5 Sonnet v2",
    "cross-region",
    "tokens-per-minute",
    "Anthropic Claude 3.5 Sonnet v2",
  ],
  ["Global cross-region model inference tokens per day for X", "global", "tokens-per-day", "X"],
  [
    "On-demand InvokeModel concurrent requests for Anthropic Claude 2.0",
    "on-demand",
    "concurrency",
    "Anthropic Claude 2.0",
  ],
])("reads %s", (name, of, metric, model) => {
  expect(ofServiceQuotas({ QuotaCode: "L-1", QuotaName: name, Value: unlimited })).toMatchObject({
    class: of,
    metric,
    model,
    value: null,
    used: undefined,
  });
});
