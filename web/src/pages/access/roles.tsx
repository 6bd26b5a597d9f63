import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import {
  CreateRole,
  GetRole,
  ListRoles,
  ListRoleTags,
  TagRole,
  UntagRole,
  UpdateAssumeRolePolicy,
  UpdateRole,
  type Policy,
  type Role,
} from "@/api/iam.gen";
import { GetCallerIdentity } from "@/api/sts.gen";
import { asServiceError, useAction, useAll, useCall, useOperation, type Client } from "@/client";
import {
  Answer,
  CodeSample,
  ConfirmDelete,
  Copyable,
  Empty,
  Failed,
  none,
  Page,
  ResourceTable,
  Time,
  type Column,
} from "@/components";
import { useNotify } from "@/shell/notifications";
import { Boundary } from "./boundary";
import { deleteHolder, equip } from "./holder";
import { pathOf, To, useTab } from "./links";
import { nameProblem, Permissions, PolicyChoice, PolicyField } from "./permissions";
import { decodePolicy, pretty } from "./policy/editor";
import { writingPolicy } from "./policy/refused";
import { Tags } from "./tags";

/** Who may take a role on, in a few words. */
export function trusted(document: string | undefined): string {
  try {
    const { Statement } = JSON.parse(decodePolicy(document)) as {
      Statement: { Effect?: string; Principal?: { [kind: string]: string | string[] } }[] | object;
    };
    const statements = (Array.isArray(Statement) ? Statement : [Statement]) as {
      Effect?: string;
      Principal?: { [kind: string]: string | string[] };
    }[];
    const names = statements
      .filter((s) => s.Effect === "Allow")
      .flatMap((s) => Object.values(s.Principal ?? {}).flat())
      .map((name) => name.replace(/^arn:[^:]+:iam::(\d+):root$/, "Account $1").replace(/^arn:[^:]+:iam::\d+:/, ""));
    return names.join(", ") || none;
  } catch {
    return none;
  }
}

const hours = (seconds: number | undefined) => {
  const n = (seconds ?? 3600) / 3600;
  return `${Number.isInteger(n) ? n : n.toFixed(1)} ${n === 1 ? "hour" : "hours"}`;
};

const durations = Array.from({ length: 12 }, (_, i) => ({
  value: String((i + 1) * 3600),
  label: hours((i + 1) * 3600),
}));

const columns: readonly Column<Role>[] = [
  {
    id: "name",
    header: "Role name",
    cell: (r) => <To path={pathOf.role(r.RoleName)}>{r.RoleName}</To>,
    value: (r) => r.RoleName,
    main: true,
    minWidth: 180,
  },
  {
    id: "trusted",
    header: "Trusted",
    cell: (r) => trusted(r.AssumeRolePolicyDocument),
    value: (r) => trusted(r.AssumeRolePolicyDocument),
  },
  {
    id: "session",
    header: "Longest session",
    cell: (r) => hours(r.MaxSessionDuration),
    value: (r) => r.MaxSessionDuration,
  },
  {
    id: "created",
    header: "Created",
    cell: (r) => <Time at={r.CreateDate} />,
    value: (r) => r.CreateDate,
    minWidth: 190,
  },
  { id: "arn", header: "ARN", cell: (r) => <Copyable text={r.Arn} />, value: (r) => r.Arn, hidden: true },
  {
    id: "description",
    header: "Description",
    cell: (r) => r.Description ?? none,
    value: (r) => r.Description,
    hidden: true,
  },
];

/** All roles. */
export function Roles() {
  const roles = useAll(ListRoles, { MaxItems: 1000 }, (page) => page.Roles);
  const navigate = useNavigate();
  const [chosen, choose] = useState<Role[]>([]);
  const [deleting, setDeleting] = useState(false);
  const startCreate = () => void navigate("/access/roles/create");
  return (
    <>
      <ResourceTable
        id="iam-roles"
        title="Roles"
        description="What somebody can be for a while, without keys of its own; services work as roles too."
        items={roles.data}
        loading={roles.isPending}
        error={roles.error}
        retry={() => void roles.refetch()}
        what="list roles"
        columns={columns}
        trackBy={(r) => r.RoleName}
        selection="single"
        selected={chosen}
        onSelect={choose}
        empty={<Empty title="No roles" action={<Button onClick={startCreate}>Create role</Button>} />}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={chosen.length === 0} onClick={() => setDeleting(true)}>
              Delete
            </Button>
            <Button variant="primary" onClick={startCreate}>
              Create role
            </Button>
          </SpaceBetween>
        }
      />
      {deleting && chosen[0] && (
        <DeleteRole
          name={chosen[0].RoleName}
          onClose={() => setDeleting(false)}
          onDone={() => {
            setDeleting(false);
            choose([]);
          }}
        />
      )}
    </>
  );
}

function DeleteRole({ name, onClose, onDone }: { name: string; onClose: () => void; onDone: () => void }) {
  const remove = useAction((role: string, client) => deleteHolder(client, { sort: "role", name: role }), {
    done: `Role ${name} was deleted.`,
    stale: [ListRoles],
    quiet: true,
    onDone,
  });
  return (
    <ConfirmDelete
      visible
      what={`role ${name}`}
      word={name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(name)}
      onCancel={onClose}
    >
      Sessions of the role are refused at once. Its inline policies are deleted with it.
    </ConfirmDelete>
  );
}

export function trustPolicy(who: string, account: string): string {
  const principal = who === "bedrock" ? { Service: "bedrock.amazonaws.com" } : { AWS: `arn:aws:iam::${account}:root` };
  return JSON.stringify(
    { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: principal, Action: "sts:AssumeRole" }] },
    null,
    2,
  );
}

interface NewRole {
  name: string;
  description: string;
  trust: string;
  seconds: number;
  policies: readonly Policy[];
}

async function create(role: NewRole, client: Client) {
  await writingPolicy(client, role.trust, "trust", () =>
    client.call(CreateRole, {
      RoleName: role.name,
      AssumeRolePolicyDocument: role.trust,
      MaxSessionDuration: role.seconds,
      ...(role.description === "" ? {} : { Description: role.description }),
    }),
  );
  return equip(
    client,
    { sort: "role", name: role.name },
    role.policies.map((p) => p.Arn ?? ""),
    [],
  );
}

export function CreateRolePage() {
  const navigate = useNavigate();
  const notify = useNotify();
  const caller = useCall(GetCallerIdentity, {});
  const account = caller.data?.Account ?? "";
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [who, setWho] = useState("account");
  const [own, setOwn] = useState<string>();
  const [seconds, setSeconds] = useState("3600");
  const [policies, setPolicies] = useState<Policy[]>([]);
  const trust = own ?? trustPolicy(who, account);
  const run = useAction(create, {
    done: (_, role) => `Role ${role.name} was created.`,
    stale: [ListRoles],
    quiet: true,
    onDone: (failures, role) => {
      for (const failure of failures) notify.failed(asServiceError(failure));
      void navigate(pathOf.role(role.name));
    },
  });
  const wrong = nameProblem(name, 64);
  return (
    <Page
      title="Create role"
      crumbs={[
        { text: "Roles", path: "access/roles" },
        { text: "Create role", path: "access/roles/create" },
      ]}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== "" && !wrong) {
            run.mutate({ name, description, trust, seconds: Number(seconds), policies });
          }
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" onClick={() => void navigate("/access/roles")}>
                Cancel
              </Button>
              <Button variant="primary" loading={run.isPending} disabled={name === "" || wrong !== undefined}>
                Create role
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {run.error && <Failed what="create roles" error={run.error} />}
            <Container header={<Header variant="h2">Role</Header>}>
              <SpaceBetween size="m">
                <FormField label="Role name" errorText={wrong}>
                  <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
                </FormField>
                <FormField label="Description" description="Optional.">
                  <Input
                    value={description}
                    onChange={({ detail }) => setDescription(detail.value)}
                    autoComplete="off"
                  />
                </FormField>
                <FormField label="Longest session">
                  <Select
                    selectedOption={durations.find((d) => d.value === seconds) ?? null}
                    options={durations}
                    onChange={({ detail }) => setSeconds(detail.selectedOption.value ?? "3600")}
                  />
                </FormField>
              </SpaceBetween>
            </Container>
            <Container header={<Header variant="h2">Who may take it on</Header>}>
              <SpaceBetween size="m">
                <RadioGroup
                  ariaLabel="Who may take it on"
                  value={own === undefined ? who : "own"}
                  onChange={({ detail }) => {
                    if (detail.value === "own") setOwn(trust);
                    else {
                      setOwn(undefined);
                      setWho(detail.value);
                    }
                  }}
                  items={[
                    {
                      value: "account",
                      label: "This account",
                      description: "Users whose policies allow sts:AssumeRole on it.",
                    },
                    {
                      value: "bedrock",
                      label: "Bedrock",
                      description: "The service role of knowledge bases and jobs.",
                    },
                    { value: "own", label: "A trust policy of your own" },
                  ]}
                />
                {own !== undefined && (
                  <PolicyField label="Trust policy" value={own} onChange={setOwn} kind="trust" error={run.error} />
                )}
              </SpaceBetween>
            </Container>
            <PolicyChoice without={[]} chosen={policies} onChoose={setPolicies} />
          </SpaceBetween>
        </Form>
      </form>
    </Page>
  );
}

/** One role. */
export function RolePage() {
  const { name = "" } = useParams();
  const navigate = useNavigate();
  const role = useCall(GetRole, { RoleName: name });
  const tags = useAll(ListRoleTags, { RoleName: name }, (page) => page.Tags);
  const [tab, setTab] = useTab("permissions");
  const [deleting, setDeleting] = useState(false);
  const holder = { sort: "role", name } as const;
  const arn = role.data?.Role.Arn ?? `arn:aws:iam::ACCOUNT:role/${name}`;
  return (
    <Page
      title={name}
      crumbs={[
        { text: "Roles", path: "access/roles" },
        { text: name, path: pathOf.role(name).slice(1) },
      ]}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => void navigate(`/access/explain?principal=${encodeURIComponent(`role/${name}`)}`)}>
            Explain a decision
          </Button>
          <Button onClick={() => setDeleting(true)}>Delete</Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Summary</Header>}>
          <Answer of={role} what="see this role">
            {({ Role: data }) => (
              <KeyValuePairs
                columns={4}
                items={[
                  { label: "ARN", value: <Copyable text={data.Arn} /> },
                  { label: "Role ID", value: <Copyable text={data.RoleId} /> },
                  { label: "Created", value: <Time at={data.CreateDate} /> },
                  { label: "Description", value: data.Description || none },
                ]}
              />
            )}
          </Answer>
        </Container>
        <Tabs
          ariaLabel="Parts of the role"
          activeTabId={tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            {
              id: "permissions",
              label: "Permissions",
              content: (
                <SpaceBetween size="l">
                  <Permissions holder={holder} />
                  <Boundary
                    holder={holder}
                    arn={role.data?.Role.PermissionsBoundary?.PermissionsBoundaryArn}
                    known={role.data !== undefined}
                  />
                </SpaceBetween>
              ),
            },
            {
              id: "trust",
              label: "Trust",
              content: (
                <Answer of={role} what="see this role">
                  {({ Role: data }) => (
                    <Trust
                      key={data.AssumeRolePolicyDocument}
                      role={name}
                      was={decodePolicy(data.AssumeRolePolicyDocument)}
                    />
                  )}
                </Answer>
              ),
            },
            {
              id: "sessions",
              label: "Sessions",
              content: (
                <SpaceBetween size="l">
                  <Answer of={role} what="see this role">
                    {({ Role: data }) => <Sessions key={data.MaxSessionDuration} role={data} />}
                  </Answer>
                  <Container header={<Header variant="h2">Take it on</Header>}>
                    <CodeSample
                      samples={[
                        {
                          label: "AWS CLI",
                          code: `aws sts assume-role --role-arn ${arn} --role-session-name me`,
                        },
                        {
                          label: "boto3",
                          code: `import boto3\n\nsession = boto3.client("sts").assume_role(RoleArn="${arn}", RoleSessionName="me")["Credentials"]`,
                        },
                      ]}
                    />
                  </Container>
                </SpaceBetween>
              ),
            },
            {
              id: "tags",
              label: "Tags",
              content: (
                <Tags
                  tags={tags.data}
                  error={tags.error}
                  retry={() => void tags.refetch()}
                  stale={[ListRoleTags]}
                  change={async (client, set, remove) => {
                    if (remove.length > 0) await client.call(UntagRole, { RoleName: name, TagKeys: remove });
                    if (set.length > 0) await client.call(TagRole, { RoleName: name, Tags: set });
                  }}
                />
              ),
            },
          ]}
        />
      </SpaceBetween>
      {deleting && (
        <DeleteRole name={name} onClose={() => setDeleting(false)} onDone={() => void navigate("/access/roles")} />
      )}
    </Page>
  );
}

function Trust({ role, was }: { role: string; was: string }) {
  const [text, setText] = useState(() => pretty(was));
  const save = useAction(
    (policy: string, client) =>
      writingPolicy(client, policy, "trust", () =>
        client.call(UpdateAssumeRolePolicy, { RoleName: role, PolicyDocument: policy }),
      ),
    { done: "The trust policy was saved.", stale: [GetRole, ListRoles], quiet: true },
  );
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Who may take the role on."
          actions={
            <Button
              variant="primary"
              loading={save.isPending}
              disabled={text === pretty(was)}
              onClick={() => save.mutate(text)}
            >
              Save
            </Button>
          }
        >
          Trust policy
        </Header>
      }
    >
      <SpaceBetween size="m">
        {save.error && <Failed what="change the trust policy" error={save.error} />}
        <PolicyField label="Trust policy" value={text} onChange={setText} kind="trust" error={save.error} />
      </SpaceBetween>
    </Container>
  );
}

function Sessions({ role }: { role: Role }) {
  const was = String(role.MaxSessionDuration ?? 3600);
  const [seconds, setSeconds] = useState(was);
  const [description, setDescription] = useState(role.Description ?? "");
  const save = useOperation(UpdateRole, { done: "The role was saved.", stale: [GetRole, ListRoles], quiet: true });
  return (
    <Container header={<Header variant="h2">Role</Header>}>
      <SpaceBetween size="m">
        {save.error && <Failed what="change this role" error={save.error} />}
        <FormField label="Longest session" description="How long credentials of the role are good at most.">
          <Select
            selectedOption={
              durations.find((d) => d.value === seconds) ?? { value: seconds, label: hours(Number(seconds)) }
            }
            options={durations}
            onChange={({ detail }) => setSeconds(detail.selectedOption.value ?? was)}
          />
        </FormField>
        <FormField label="Description">
          <Input value={description} onChange={({ detail }) => setDescription(detail.value)} autoComplete="off" />
        </FormField>
        <Button
          disabled={seconds === was && description === (role.Description ?? "")}
          loading={save.isPending}
          onClick={() =>
            save.mutate({ RoleName: role.RoleName, MaxSessionDuration: Number(seconds), Description: description })
          }
        >
          Save
        </Button>
      </SpaceBetween>
    </Container>
  );
}
