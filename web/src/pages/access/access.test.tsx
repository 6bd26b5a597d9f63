import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes } from "react-router";
import { describe, expect, test } from "vitest";
import { ServiceError } from "@/client";
import { FakeClient, renderPage, type Answers } from "@/test/render";
import Access from ".";
import { paramsOf, questionOf, requestOf, holderOf } from "./explain";
import { deleteHolder, deletePolicy } from "./holder";
import { ageOf } from "./keys";
import { nameProblem } from "./permissions";
import { oldestVersion } from "./policies";
import { trusted, trustPolicy } from "./roles";
import { csv } from "./secret";
import { tagChanges } from "./tags";

const date = "2026-03-10T12:00:00Z";
const alice = {
  UserName: "alice",
  UserId: "AIDA1",
  Arn: "arn:aws:iam::000000000000:user/alice",
  Path: "/",
  CreateDate: date,
};

const denied = (action: string) =>
  new ServiceError({
    code: "AccessDenied",
    message: `User: arn:aws:iam::000000000000:user/eve is not authorized to perform: ${action} on resource: *`,
    requestId: "r-1",
    status: 403,
  });

const actions = {
  operations: [
    {
      service: "bedrock-runtime",
      name: "Converse",
      needs: [{ action: "bedrock:InvokeModel", resource: "", when: "" }],
    },
  ],
  actions: ["bedrock:InvokeModel", "bedrock:ListFoundationModels", "sts:AssumeRole"],
};

/** What a page of a user asks, with nothing there. */
const empty: Answers = {
  "GET iam/actions": actions,
  ListUsers: { Users: [alice] },
  ListGroups: { Groups: [] },
  ListRoles: { Roles: [] },
  ListPolicies: { Policies: [] },
  GetUser: { User: alice },
  ListUserTags: { Tags: [] },
  ListAttachedUserPolicies: { AttachedPolicies: [] },
  ListUserPolicies: { PolicyNames: [] },
  ListGroupsForUser: { Groups: [] },
  ListAccessKeys: { AccessKeyMetadata: [] },
  ListServiceSpecificCredentials: { ServiceSpecificCredentials: [] },
};

const show = (path: string, answers: Answers = {}) =>
  renderPage(
    <Routes>
      <Route path="/access/*" element={<Access />} />
    </Routes>,
    { ...empty, ...answers },
    { path },
  );

const click = async (name: string | RegExp) => userEvent.click(await screen.findByRole("button", { name }));

describe("users", () => {
  test("are listed, with a way to each of them", async () => {
    show("/access");
    expect(await screen.findByRole("link", { name: "alice" })).toHaveAttribute("href", "/access/users/alice");
  });

  test("are not listed to who may not see them", async () => {
    show("/access/users", { ListUsers: denied("iam:ListUsers") });
    expect(await screen.findByText("You are not allowed to list users (iam:ListUsers)")).toBeVisible();
    expect(screen.getByText("Request r-1")).toBeVisible();
  });

  test("are made with policies, groups and tags", async () => {
    const { client } = show("/access/users/create?policy=AdministratorAccess", {
      CreateUser: {},
      AttachUserPolicy: {},
    });
    await userEvent.type(await screen.findByRole("textbox", { name: "User name" }), "bob");
    await click("Create user");
    expect(await screen.findByText(/User bob was created/)).toBeVisible();
    expect(client.inputs("CreateUser")).toEqual([{ UserName: "bob" }]);
    expect(client.inputs("AttachUserPolicy")).toEqual([
      { UserName: "bob", PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" },
    ]);
  });

  test("who are there already are not made again, and what was typed stays", async () => {
    show("/access/users/create", {
      CreateUser: new ServiceError({
        code: "EntityAlreadyExists",
        message: "User with name bob already exists.",
        requestId: "r-2",
      }),
    });
    const field = await screen.findByRole("textbox", { name: "User name" });
    await userEvent.type(field, "bob");
    await click("Create user");
    expect(await screen.findByText("User with name bob already exists.")).toBeVisible();
    expect(field).toHaveValue("bob");
  });

  test("whose policy cannot be attached are there all the same, and it is told", async () => {
    show("/access/users/create?policy=Nothing", {
      CreateUser: {},
      AttachUserPolicy: new ServiceError({
        code: "NoSuchEntity",
        message: "There is no such policy.",
        requestId: "r-3",
      }),
    });
    await userEvent.type(await screen.findByRole("textbox", { name: "User name" }), "bob");
    await click("Create user");
    expect(await screen.findByText(/There is no such policy\..*r-3/)).toBeVisible();
    expect(await screen.findByRole("heading", { level: 1, name: "bob" })).toBeVisible();
  });

  test("are renamed, and only what has changed is sent", async () => {
    const { client } = show("/access/users/alice", { UpdateUser: {} });
    await click("Rename");
    const dialog = within(await screen.findByRole("dialog"));
    const rename = dialog.getByRole("button", { name: "Rename" });
    expect(rename).toBeDisabled();
    const name = dialog.getByRole("textbox", { name: "Name" });
    await userEvent.clear(name);
    await userEvent.type(name, "al ice");
    expect(rename).toBeDisabled();
    await userEvent.clear(name);
    await userEvent.type(name, "alicia");
    await userEvent.click(rename);
    expect(await screen.findByRole("heading", { name: "alicia" })).toBeVisible();
    expect(client.inputs("UpdateUser")).toEqual([{ UserName: "alice", NewUserName: "alicia" }]);
  });

  test("are not renamed by who may not, and what was typed stays", async () => {
    show("/access/users/alice", { UpdateUser: denied("iam:UpdateUser") });
    await click("Rename");
    const dialog = within(await screen.findByRole("dialog"));
    const path = dialog.getByRole("textbox", { name: "Path" });
    await userEvent.clear(path);
    await userEvent.type(path, "/team/");
    await userEvent.click(dialog.getByRole("button", { name: "Rename" }));
    expect(await dialog.findByText("You are not allowed to rename the user (iam:UpdateUser)")).toBeVisible();
    expect(path).toHaveValue("/team/");
  });

  test("are deleted with all that is theirs, once their name is typed", async () => {
    const { client } = show("/access/users/alice", {
      ListAccessKeys: { AccessKeyMetadata: [{ AccessKeyId: "AKIA1" }] },
      DeleteAccessKey: {},
      DeleteUser: {},
    });
    await click("Delete");
    const dialog = await screen.findByRole("dialog", { name: "Delete user alice?" });
    const button = within(dialog).getByRole("button", { name: "Delete" });
    expect(button).toBeDisabled();
    await userEvent.type(within(dialog).getByRole("textbox"), "alice");
    await userEvent.click(button);
    expect(await screen.findByText("User alice was deleted.")).toBeVisible();
    expect(client.inputs("DeleteAccessKey")).toEqual([{ UserName: "alice", AccessKeyId: "AKIA1" }]);
  });

  test.each([
    ["alice", undefined],
    ["", undefined],
    ["a b", "Letters, digits and + = , . @ - _ are allowed."],
    ["élise", "Letters, digits and + = , . @ - _ are allowed."],
    ["\u202Eevil", "Letters, digits and + = , . @ - _ are allowed."],
    ["x".repeat(65), "At most 64 characters."],
  ])("may be called %j", (name, says) => {
    expect(nameProblem(name, 64)).toBe(says);
  });
});

describe("keys", () => {
  const made = { AccessKeyId: "AKIA1", SecretAccessKey: "the+secret", UserName: "alice", Status: "Active" };

  test("show their secret once, and only when asked to", async () => {
    show("/access/users/alice?tab=security", { CreateAccessKey: { AccessKey: made } });
    await userEvent.click((await screen.findAllByRole("button", { name: "Create access key" }))[0] ?? document.body);
    expect(await screen.findByRole("dialog", { name: "Access key of alice" })).toBeVisible();
    expect(screen.queryByText("the+secret")).not.toBeInTheDocument();
    await click("Show Secret access key");
    expect(screen.getByText("the+secret")).toBeVisible();
    await click("Done");
    await waitFor(() => expect(screen.queryByText("the+secret")).not.toBeInTheDocument());
    expect(JSON.stringify(localStorage)).not.toContain("the+secret");
  });

  test("are turned off and on", async () => {
    const { client } = show("/access/users/alice?tab=security", {
      ListAccessKeys: { AccessKeyMetadata: [{ AccessKeyId: "AKIA1", Status: "Active" }] },
      GetAccessKeyLastUsed: { AccessKeyLastUsed: { ServiceName: "N/A", Region: "N/A" } },
      UpdateAccessKey: {},
    });
    expect(await screen.findByText("Never")).toBeVisible();
    await click("Deactivate AKIA1");
    expect(client.inputs("UpdateAccessKey")).toEqual([{ UserName: "alice", AccessKeyId: "AKIA1", Status: "Inactive" }]);
  });

  test("for Bedrock are made with an end", async () => {
    const { client } = show("/access/users/alice?tab=security", {
      CreateServiceSpecificCredential: {
        ServiceSpecificCredential: {
          UserName: "alice",
          ServiceCredentialAlias: "BedrockAPIKey-1",
          ServiceCredentialSecret: "ABSK-secret",
          ServiceSpecificCredentialId: "ACCA1",
        },
      },
    });
    await userEvent.click((await screen.findAllByRole("button", { name: "Generate API key" }))[0] ?? document.body);
    // By the server's clock, whatever this machine's says.
    expect(await screen.findByText(/About .*2026/)).toHaveTextContent("Apr 9, 2026");
    await click("Generate");
    expect(await screen.findByRole("dialog", { name: "API key of alice" })).toBeVisible();
    expect(client.inputs("CreateServiceSpecificCredential")).toEqual([
      { UserName: "alice", ServiceName: "bedrock.amazonaws.com", CredentialAgeDays: 30 },
    ]);
  });

  test("of the root are explained", async () => {
    show("/access/you", {
      GetCallerIdentity: { Arn: "arn:aws:iam::000000000000:root", Account: "000000000000", UserId: "0" },
    });
    expect(await screen.findByText("You are the account's root")).toBeVisible();
    expect(screen.getByText(/To replace it, stop the server/)).toBeVisible();
  });

  test("of one's own are those of the user who has signed in", async () => {
    const { client } = show("/access/you", {
      GetCallerIdentity: { Arn: "arn:aws:iam::000000000000:user/team/alice", Account: "000000000000", UserId: "0" },
    });
    expect(await screen.findByText("No access keys")).toBeVisible();
    expect(client.inputs("ListAccessKeys")).toEqual([{ UserName: "alice" }]);
  });

  test.each([
    ["30", "", { CredentialAgeDays: 30 }],
    ["never", "", {}],
    ["custom", "7", { CredentialAgeDays: 7 }],
    ["custom", "", undefined],
    ["custom", "0", undefined],
    ["custom", "1.5", undefined],
    ["custom", "36601", undefined],
  ])("end after %s %s", (choice, custom, age) => {
    expect(ageOf(choice, custom)).toEqual(age);
  });

  test("are written to a file as CSV", () => {
    expect(csv("a", 'b"c', "d,e")).toBe('a,"b""c","d,e"\n');
  });
});

describe("a policy", () => {
  const type = async (text: string) => {
    const field = await screen.findByRole("textbox", { name: "Policy document" });
    await userEvent.clear(field);
    await userEvent.click(field);
    await userEvent.paste(text);
    return field;
  };
  const text =
    '{\n"Version": "2012-10-17",\n"Statement": [{"Effect": "Allow", "Action": "bedrock:InvokModel", "Resource": "*"}]\n}';

  test("is checked while it is typed, and mended by a click", async () => {
    show("/access/policies/create");
    const field = await type(text);
    expect(await screen.findByText(/This server knows no action bedrock:InvokModel/)).toBeVisible();
    expect(screen.getByRole("button", { name: "Line 3, column 45" })).toBeVisible();
    await click("bedrock:InvokeModel");
    expect(field).toHaveValue(text.replace("InvokModel", "InvokeModel"));
    expect(await screen.findByText("Nothing is wrong with it")).toBeVisible();
  });

  test("that is no JSON says where it stops being it", async () => {
    show("/access/policies/create");
    await type('{"Version": }');
    expect(await screen.findByText(/There is "}" where a value is expected/)).toBeVisible();
    expect(screen.getByRole("textbox", { name: "Policy document" })).toBeInvalid();
  });

  test("with script in it is text", async () => {
    show("/access/policies/create");
    await type('{"<img src=x onerror=alert(1)>": 1}');
    expect(await screen.findByText(/A policy has no "<img src=x onerror=alert\(1\)>"/)).toBeVisible();
    expect(document.querySelector("img[src=x]")).toBeNull();
  });

  test("suggests actions where one is typed", async () => {
    show("/access/policies/create");
    const field = await type('{"Statement": [{"Action": "bedrock:Li"}]}');
    (field as HTMLTextAreaElement).setSelectionRange(37, 37);
    await userEvent.type(field, "s", { initialSelectionStart: 37 });
    await click("Put bedrock:ListFoundationModels");
    expect(field).toHaveValue('{"Statement": [{"Action": "bedrock:ListFoundationModels"}]}');
  });

  test("that the server refuses shows the statement that it means", async () => {
    const wrong = '{"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}';
    const { client } = show("/access/policies/create", {
      CreatePolicy: new ServiceError({
        code: "MalformedPolicyDocument",
        message: "The policy failed legacy parsing",
        requestId: "r-4",
      }),
      GetContextKeysForCustomPolicy: ({ PolicyInputList: [one = ""] }: { PolicyInputList: string[] }) =>
        one.includes("Deny") ? new ServiceError({ code: "InvalidInput", message: "no" }) : {},
    });
    await userEvent.type(await screen.findByRole("textbox", { name: "Policy name" }), "p");
    await type(
      `{"Version": "2012-10-17", "Statement": [\n{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"},\n${wrong}]}`,
    );
    await click("Create policy");
    expect(
      await screen.findByText(/The policy failed legacy parsing \(MalformedPolicyDocument, request r-4\)/),
    ).toBeVisible();
    expect(screen.getByRole("button", { name: "Line 3, column 1" })).toBeVisible();
    expect(client.inputs("GetContextKeysForCustomPolicy")).toHaveLength(2);
  });

  test("of AWS's own cannot be changed", async () => {
    const arn = "arn:aws:iam::aws:policy/AmazonBedrockReadOnly";
    show(`/access/policies/${arn}`, {
      GetPolicy: { Policy: { Arn: arn, PolicyName: "AmazonBedrockReadOnly", DefaultVersionId: "v1" } },
      GetPolicyVersion: { PolicyVersion: { Document: encodeURIComponent('{"Statement": []}'), VersionId: "v1" } },
      ListPolicyTags: { Tags: [] },
    });
    expect(await screen.findByText(/AWS's policies cannot be changed/)).toBeVisible();
    expect(await screen.findByRole("region", { name: "Policy AmazonBedrockReadOnly" })).toHaveTextContent(
      '{ "Statement": [] }',
    );
    expect(screen.queryByRole("button", { name: "Edit" })).not.toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Delete" })).not.toBeInTheDocument();
  });

  test("gets a new version, and gives the oldest up for it", async () => {
    const arn = "arn:aws:iam::000000000000:policy/team/mine";
    const versions = [5, 4, 3, 2, 1].map((n) => ({ VersionId: `v${n}`, IsDefaultVersion: n === 1, CreateDate: date }));
    const { client } = show(`/access/policies/${arn}`, {
      GetPolicy: { Policy: { Arn: arn, PolicyName: "mine", DefaultVersionId: "v1" } },
      GetPolicyVersion: { PolicyVersion: { Document: encodeURIComponent(text.replace("InvokModel", "InvokeModel")) } },
      ListPolicyVersions: { Versions: versions },
      ListPolicyTags: { Tags: [] },
      DeletePolicyVersion: {},
      CreatePolicyVersion: { PolicyVersion: { VersionId: "v6" } },
    });
    await click("Edit");
    const field = await screen.findByRole("textbox", { name: "Policy document" });
    await userEvent.clear(field);
    await userEvent.paste(text.replace("InvokModel", "ListFoundationModels"));
    await userEvent.click(screen.getByRole("checkbox", { name: /Delete the oldest one that is not the default, v2/ }));
    await click("Save");
    expect(await screen.findByText("Version v6 was created and is the default now.")).toBeInTheDocument();
    expect(client.inputs("DeletePolicyVersion")).toEqual([{ PolicyArn: arn, VersionId: "v2" }]);
    expect(client.inputs("CreatePolicyVersion")).toMatchObject([{ PolicyArn: arn, SetAsDefault: true }]);
    expect(oldestVersion([{ VersionId: "v10" }, { VersionId: "v9" }])).toBe("v9");
  });
});

describe("a decision", () => {
  const path = "/access/explain?principal=user/alice&action=Converse&resource=m&context=aws:SourceIp=10.0.0.1";
  const explained = {
    principal: alice.Arn,
    allowed: false,
    decisions: [
      {
        action: "bedrock:InvokeModel",
        resource: "arn:aws:bedrock:us-east-1::foundation-model/m",
        allowed: false,
        explicitDeny: true,
        layer: "identity-based policy",
        policy: "mine",
        message: "User: alice is not authorized",
        matches: [
          {
            layer: "identity-based policy",
            policy: "mine",
            type: "user",
            owner: alice.Arn,
            statement: 2,
            sid: "No",
            effect: "Deny",
            decisive: true,
            text: '{"Sid": "No", "Effect": "Deny"}',
          },
        ],
        missingContextKeys: ["aws:sourcevpce"],
        unasked: false,
      },
    ],
  };
  const document = '{"Statement": [{"Sid": "Yes", "Effect": "Allow"}, {"Sid": "No", "Effect": "Deny"}]}';

  test("is asked for by the address, and its statement is highlighted in the policy", async () => {
    const { client } = show(path, {
      "POST iam/explain": explained,
      GetUserPolicy: { PolicyDocument: encodeURIComponent(document) },
    });
    expect(await screen.findByText("User: alice is not authorized")).toBeVisible();
    const mark = await screen.findByLabelText("The statement that decided");
    expect(mark).toHaveTextContent('{ "Sid": "No", "Effect": "Deny" }');
    expect(mark).toHaveAttribute("data-effect", "Deny");
    expect(screen.getByRole("region", { name: "Policy mine" })).toHaveTextContent('"Sid": "Yes"');
    expect(client.inputs("POST iam/explain")[0]).toEqual({
      principal: "user/alice",
      action: "Converse",
      resource: "m",
      region: "us-east-1",
      context: { "aws:SourceIp": ["10.0.0.1"] },
    });
  });

  test("shows the statement alone to who may not read the policy", async () => {
    show(path, { "POST iam/explain": explained, GetUserPolicy: denied("iam:GetUserPolicy") });
    expect(await screen.findByText(/The whole policy cannot be shown/)).toBeVisible();
    expect(screen.getByRole("region", { name: "The statement" })).toHaveTextContent('"Sid": "No"');
  });

  test("offers the condition keys that policies ask for", async () => {
    show(path, { "POST iam/explain": explained, GetUserPolicy: { PolicyDocument: document } });
    await click("Add them to the request");
    expect(await screen.findByDisplayValue("aws:sourcevpce")).toBeVisible();
  });

  test("is not explained to who may not ask", async () => {
    show(path, { "POST iam/explain": denied("outcrop:ExplainDecision") });
    expect(await screen.findByText("You are not allowed to ask for decisions (outcrop:ExplainDecision)")).toBeVisible();
  });

  test("survives its way through an address", () => {
    const question = questionOf(
      new URLSearchParams("principal=root&action=a:b&in=eu-west-1&context=k:a%3D1,2&context=k:b"),
    );
    expect(question.context).toEqual([
      { key: "k:a", values: "1,2" },
      { key: "k:b", values: "" },
    ]);
    expect(questionOf(paramsOf(new URLSearchParams("region=us-east-1"), question))).toEqual(question);
    expect(paramsOf(new URLSearchParams("region=us-east-1"), question).get("region")).toBe("us-east-1");
    expect(requestOf(question, "us-east-1")).toEqual({
      principal: "root",
      action: "a:b",
      region: "eu-west-1",
      context: { "k:a": ["1", "2"], "k:b": [""] },
    });
    expect(holderOf("arn:aws:iam::000000000000:group/path/readers")).toEqual({ sort: "group", name: "readers" });
    expect(holderOf("")).toBeUndefined();
  });
});

test("what is deleted loses everything first, in the order that IAM needs", async () => {
  const client = new FakeClient({
    ListAttachedGroupPolicies: { AttachedPolicies: [{ PolicyArn: "arn:p" }] },
    DetachGroupPolicy: {},
    ListGroupPolicies: { PolicyNames: ["inline"] },
    DeleteGroupPolicy: {},
    GetGroup: { Users: [alice] },
    RemoveUserFromGroup: {},
    DeleteGroup: {},
    ListEntitiesForPolicy: { PolicyUsers: [{ UserName: "alice" }], PolicyRoles: [{ RoleName: "r" }] },
    DetachUserPolicy: {},
    DetachRolePolicy: {},
    ListPolicyVersions: { Versions: [{ VersionId: "v2", IsDefaultVersion: true }, { VersionId: "v1" }] },
    DeletePolicyVersion: {},
    DeletePolicy: {},
  });
  const changes = () => client.asked.map((a) => a.call).filter((call) => !/^(List|Get)/.test(call));
  await deleteHolder(client, { sort: "group", name: "readers" });
  expect(changes()).toEqual(["DetachGroupPolicy", "DeleteGroupPolicy", "RemoveUserFromGroup", "DeleteGroup"]);
  client.asked.length = 0;
  await deletePolicy(client, "arn:p");
  expect(changes()).toEqual(["DetachUserPolicy", "DetachRolePolicy", "DeletePolicyVersion", "DeletePolicy"]);
  expect(client.inputs("DeletePolicyVersion")).toEqual([{ PolicyArn: "arn:p", VersionId: "v1" }]);
});

test("of ten thousand users only those that can be seen are in the document", async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => ({ ...alice, UserName: `user-${i}` }));
  show("/access/groups/create", { ListUsers: { Users: many } });
  await userEvent.click(await screen.findByRole("button", { name: /^Users/ }));
  expect(await screen.findByRole("listbox")).toBeVisible();
  expect(screen.queryAllByRole("option").length).toBeLessThan(100);
});

test("roles say whom they trust", () => {
  expect(trusted(encodeURIComponent(trustPolicy("bedrock", "1")))).toBe("bedrock.amazonaws.com");
  expect(trusted(trustPolicy("account", "000000000000"))).toBe("Account 000000000000");
  expect(trusted("{")).toBe("-");
  expect(trusted(undefined)).toBe("-");
});

test("of tags only what has changed is sent", () => {
  const before = [
    { Key: "a", Value: "1" },
    { Key: "b", Value: "2" },
  ];
  const after = [
    { Key: "b", Value: "3" },
    { Key: "c", Value: "" },
  ];
  expect(tagChanges(before, after)).toEqual({ set: after, remove: ["a"] });
  expect(tagChanges(before, before)).toEqual({ set: [], remove: [] });
});
