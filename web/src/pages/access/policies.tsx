import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import {
  CreatePolicy,
  CreatePolicyVersion,
  DeletePolicyVersion,
  GetPolicy,
  GetPolicyVersion,
  ListEntitiesForPolicy,
  ListPolicies,
  ListPolicyTags,
  ListPolicyVersions,
  SetDefaultPolicyVersion,
  TagPolicy,
  UntagPolicy,
  type Policy,
  type PolicyVersion,
} from "@/api/iam.gen";
import { useAction, useAll, useCall, useOperation } from "@/client";
import {
  Answer,
  ConfirmDelete,
  Copyable,
  count,
  Empty,
  Failed,
  none,
  Page,
  ResourceTable,
  Time,
  type Column,
} from "@/components";
import { deletePolicy, holding, policiesOf, type Holder } from "./holder";
import { isManagedByAWS, nameOf, pathOf, To, useTab } from "./links";
import { emptyPolicy, nameProblem, PolicyField, StatementAlone } from "./permissions";
import { decodePolicy, PolicyView, pretty } from "./policy/editor";
import { writingPolicy } from "./policy/refused";
import { Tags } from "./tags";

const typeOf = (p: Policy) => (isManagedByAWS(p.Arn) ? "AWS managed" : "Customer managed");

const columns: readonly Column<Policy>[] = [
  {
    id: "name",
    header: "Policy name",
    cell: (p) => <To path={pathOf.policy(p.Arn ?? "")}>{p.PolicyName}</To>,
    value: (p) => p.PolicyName,
    main: true,
    minWidth: 260,
  },
  { id: "type", header: "Type", cell: typeOf, value: typeOf, minWidth: 160 },
  { id: "used", header: "Attached to", cell: (p) => count(p.AttachmentCount), value: (p) => p.AttachmentCount },
  {
    id: "changed",
    header: "Changed",
    cell: (p) => <Time at={p.UpdateDate} />,
    value: (p) => p.UpdateDate,
    minWidth: 190,
  },
  {
    id: "description",
    header: "Description",
    cell: (p) => p.Description || none,
    value: (p) => p.Description,
    hidden: true,
  },
  { id: "arn", header: "ARN", cell: (p) => <Copyable text={p.Arn} />, value: (p) => p.Arn, hidden: true },
];

const types = [
  { value: "all", label: "All types" },
  { value: "own", label: "Customer managed" },
  { value: "aws", label: "AWS managed" },
  { value: "used", label: "Attached to somebody" },
];

/** All policies, the account's own and AWS's. */
export function Policies() {
  const policies = useAll(ListPolicies, { MaxItems: 1000 }, (page) => page.Policies);
  const navigate = useNavigate();
  const [chosen, choose] = useState<Policy[]>([]);
  const [type, setType] = useState("all");
  const [deleting, setDeleting] = useState(false);
  const startCreate = () => void navigate("/access/policies/create");
  const shown = policies.data?.filter((p) => {
    if (type === "used") return (p.AttachmentCount ?? 0) > 0;
    return type === "all" || isManagedByAWS(p.Arn) === (type === "aws");
  });
  const one = chosen[0];
  return (
    <>
      <ResourceTable
        id="iam-policies"
        title="Policies"
        description="What may be done, to be attached to users, groups and roles."
        items={shown}
        loading={policies.isPending}
        error={policies.error}
        retry={() => void policies.refetch()}
        what="list policies"
        columns={columns}
        trackBy={(p) => p.Arn ?? ""}
        selection="single"
        selected={chosen}
        onSelect={choose}
        filters={
          <Select
            ariaLabel="Type of policy"
            selectedOption={types.find((t) => t.value === type) ?? null}
            options={types}
            onChange={({ detail }) => setType(detail.selectedOption.value ?? "all")}
          />
        }
        empty={<Empty title="No policies" action={<Button onClick={startCreate}>Create policy</Button>} />}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button
              disabled={!one || isManagedByAWS(one.Arn)}
              disabledReason={one ? "AWS's policies cannot be deleted" : "Choose a policy"}
              onClick={() => setDeleting(true)}
            >
              Delete
            </Button>
            <Button variant="primary" onClick={startCreate}>
              Create policy
            </Button>
          </SpaceBetween>
        }
      />
      {deleting && one?.Arn && (
        <DeletePolicy
          arn={one.Arn}
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

function DeletePolicy({ arn, onClose, onDone }: { arn: string; onClose: () => void; onDone: () => void }) {
  const name = nameOf(arn);
  const remove = useAction((which: string, client) => deletePolicy(client, which), {
    done: `Policy ${name} was deleted.`,
    stale: [ListPolicies, ...policiesOf.user, ...policiesOf.group, ...policiesOf.role],
    quiet: true,
    onDone,
  });
  return (
    <ConfirmDelete
      visible
      what={`policy ${name}`}
      word={name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(arn)}
      onCancel={onClose}
    >
      It is detached from everybody who has it, and deleted with all of its versions. A policy that is a permissions
      boundary of somebody cannot be deleted.
    </ConfirmDelete>
  );
}

export function CreatePolicyPage() {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [text, setText] = useState(emptyPolicy);
  const run = useAction(
    (input: { name: string; description: string; text: string }, client) =>
      writingPolicy(client, input.text, "managed", () =>
        client.call(CreatePolicy, {
          PolicyName: input.name,
          PolicyDocument: input.text,
          ...(input.description === "" ? {} : { Description: input.description }),
        }),
      ),
    {
      done: (_, input) => `Policy ${input.name} was created.`,
      stale: [ListPolicies],
      quiet: true,
      onDone: ({ Policy: made }) => void navigate(pathOf.policy(made?.Arn ?? "")),
    },
  );
  const wrong = nameProblem(name);
  return (
    <Page
      title="Create policy"
      crumbs={[
        { text: "Policies", path: "access/policies" },
        { text: "Create policy", path: "access/policies/create" },
      ]}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => void navigate("/access/policies")}>
              Cancel
            </Button>
            <Button
              variant="primary"
              loading={run.isPending}
              disabled={name === "" || wrong !== undefined}
              onClick={() => run.mutate({ name, description, text })}
            >
              Create policy
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          {run.error && <Failed what="create policies" error={run.error} />}
          <Container header={<Header variant="h2">Policy</Header>}>
            <SpaceBetween size="m">
              <FormField label="Policy name" errorText={wrong}>
                <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
              </FormField>
              <FormField label="Description" description="Optional. It cannot be changed later.">
                <Input value={description} onChange={({ detail }) => setDescription(detail.value)} autoComplete="off" />
              </FormField>
            </SpaceBetween>
          </Container>
          <Container header={<Header variant="h2">What it says</Header>}>
            <PolicyField label="Policy document" value={text} onChange={setText} kind="managed" error={run.error} />
          </Container>
        </SpaceBetween>
      </Form>
    </Page>
  );
}

/** The text of a version of a managed policy. otherwise is shown to who may not read it. */
export function ManagedText({
  arn,
  version,
  statement,
  otherwise,
}: {
  arn: string;
  version?: string;
  statement?: number;
  otherwise?: string;
}) {
  const policy = useCall(GetPolicy, { PolicyArn: arn }, { enabled: version === undefined });
  const which = version ?? policy.data?.Policy?.DefaultVersionId;
  const text = useCall(GetPolicyVersion, { PolicyArn: arn, VersionId: which ?? "" }, { enabled: which !== undefined });
  const error = policy.error ?? text.error;
  if (error && otherwise !== undefined) return <StatementAlone text={otherwise} error={error} />;
  if (version === undefined && !policy.data) {
    return (
      <Answer of={policy} what="see the policy">
        {() => null}
      </Answer>
    );
  }
  return (
    <Answer of={text} what="see the policy">
      {(data) => (
        <PolicyView
          text={decodePolicy(data.PolicyVersion?.Document)}
          label={`Policy ${nameOf(arn)}`}
          {...(statement === undefined ? {} : { statement })}
        />
      )}
    </Answer>
  );
}

/** One policy. Its ARN is the rest of the address. */
export function PolicyPage() {
  const { "*": arn = "" } = useParams();
  const navigate = useNavigate();
  const name = nameOf(arn);
  const aws = isManagedByAWS(arn);
  const policy = useCall(GetPolicy, { PolicyArn: arn });
  const tags = useAll(ListPolicyTags, { PolicyArn: arn }, (page) => page.Tags, { enabled: !aws });
  const [tab, setTab] = useTab("document");
  const [deleting, setDeleting] = useState(false);
  return (
    <Page
      title={name}
      crumbs={[
        { text: "Policies", path: "access/policies" },
        { text: name, path: pathOf.policy(arn).slice(1) },
      ]}
      actions={!aws && <Button onClick={() => setDeleting(true)}>Delete</Button>}
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Summary</Header>}>
          <Answer of={policy} what="see this policy">
            {({ Policy: data }) => (
              <KeyValuePairs
                columns={4}
                items={[
                  { label: "ARN", value: <Copyable text={data?.Arn} /> },
                  { label: "Type", value: <Badge color={aws ? "grey" : "blue"}>{typeOf({ Arn: arn })}</Badge> },
                  { label: "Default version", value: data?.DefaultVersionId },
                  { label: "Attached to", value: count(data?.AttachmentCount) },
                  { label: "Created", value: <Time at={data?.CreateDate} /> },
                  { label: "Changed", value: <Time at={data?.UpdateDate} /> },
                  { label: "Description", value: data?.Description || none },
                ]}
              />
            )}
          </Answer>
        </Container>
        <Tabs
          ariaLabel="Parts of the policy"
          activeTabId={tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            { id: "document", label: "Document", content: <Document arn={arn} readOnly={aws} /> },
            { id: "used", label: "Attached to", content: <AttachedTo arn={arn} /> },
            ...(aws
              ? []
              : [
                  { id: "versions", label: "Versions", content: <Versions arn={arn} /> },
                  {
                    id: "tags",
                    label: "Tags",
                    content: (
                      <Tags
                        tags={tags.data}
                        error={tags.error}
                        retry={() => void tags.refetch()}
                        stale={[ListPolicyTags]}
                        change={async (client, set, remove) => {
                          if (remove.length > 0) await client.call(UntagPolicy, { PolicyArn: arn, TagKeys: remove });
                          if (set.length > 0) await client.call(TagPolicy, { PolicyArn: arn, Tags: set });
                        }}
                      />
                    ),
                  },
                ]),
          ]}
        />
      </SpaceBetween>
      {deleting && (
        <DeletePolicy arn={arn} onClose={() => setDeleting(false)} onDone={() => void navigate("/access/policies")} />
      )}
    </Page>
  );
}

function Document({ arn, readOnly }: { arn: string; readOnly: boolean }) {
  const policy = useCall(GetPolicy, { PolicyArn: arn });
  const version = policy.data?.Policy?.DefaultVersionId;
  const text = useCall(
    GetPolicyVersion,
    { PolicyArn: arn, VersionId: version ?? "" },
    { enabled: version !== undefined },
  );
  const [editing, setEditing] = useState(false);
  const header = (
    <Header
      variant="h2"
      description={
        readOnly ? "AWS's policies cannot be changed. To change one, create a policy with its text." : undefined
      }
      actions={!readOnly && !editing && text.data && <Button onClick={() => setEditing(true)}>Edit</Button>}
    >
      {editing ? "New version" : `Version ${version ?? ""}`}
    </Header>
  );
  return (
    <Container header={header}>
      {policy.data === undefined ? (
        <Answer of={policy} what="see this policy">
          {() => null}
        </Answer>
      ) : (
        <Answer of={text} what="see the text of this policy">
          {({ PolicyVersion: data }) =>
            editing ? (
              <EditVersion arn={arn} was={decodePolicy(data?.Document)} onClose={() => setEditing(false)} />
            ) : (
              <PolicyView text={decodePolicy(data?.Document)} label={`Policy ${nameOf(arn)}`} />
            )
          }
        </Answer>
      )}
    </Container>
  );
}

function EditVersion({ arn, was, onClose }: { arn: string; was: string; onClose: () => void }) {
  const [text, setText] = useState(() => pretty(was));
  const [asDefault, setAsDefault] = useState(true);
  const [dropOldest, setDropOldest] = useState(false);
  const versions = useAll(ListPolicyVersions, { PolicyArn: arn }, (page) => page.Versions);
  const oldest = oldestVersion(versions.data ?? []);
  const full = (versions.data?.length ?? 0) >= mostVersions;
  const save = useAction(
    async (input: { text: string; asDefault: boolean; drop: string | undefined }, client) =>
      writingPolicy(client, input.text, "managed", async () => {
        if (input.drop) await client.call(DeletePolicyVersion, { PolicyArn: arn, VersionId: input.drop });
        return client.call(CreatePolicyVersion, {
          PolicyArn: arn,
          PolicyDocument: input.text,
          SetAsDefault: input.asDefault,
        });
      }),
    {
      done: ({ PolicyVersion: made }, input) =>
        `Version ${made?.VersionId} was created${input.asDefault ? " and is the default now" : ""}.`,
      stale: [GetPolicy, GetPolicyVersion, ListPolicyVersions, ListPolicies],
      quiet: true,
      onDone: onClose,
    },
  );
  return (
    <SpaceBetween size="m">
      {save.error && <Failed what="change this policy" error={save.error} />}
      <PolicyField label="Policy document" value={text} onChange={setText} kind="managed" error={save.error} />
      <Checkbox
        checked={asDefault}
        onChange={({ detail }) => setAsDefault(detail.checked)}
        description="The default version is what holds for everybody who has the policy."
      >
        Make it the default version
      </Checkbox>
      {full && oldest && (
        <Alert type="info" header={`There are ${mostVersions} versions, which is all that a policy can have`}>
          <Checkbox checked={dropOldest} onChange={({ detail }) => setDropOldest(detail.checked)}>
            Delete the oldest one that is not the default, {oldest}
          </Checkbox>
        </Alert>
      )}
      <SpaceBetween direction="horizontal" size="xs">
        <Button
          variant="primary"
          loading={save.isPending}
          disabled={text === pretty(was) || (full && !dropOldest)}
          onClick={() => save.mutate({ text, asDefault, drop: full && dropOldest ? oldest : undefined })}
        >
          Save
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

/** As many versions as IAM keeps of a policy. */
export const mostVersions = 5;

/** The version to give up for a new one. */
export function oldestVersion(versions: readonly PolicyVersion[]): string | undefined {
  const number = (v: PolicyVersion) => Number((v.VersionId ?? "").slice(1));
  return versions.filter((v) => !v.IsDefaultVersion).toSorted((a, b) => number(a) - number(b))[0]?.VersionId;
}

const versionColumns: readonly Column<PolicyVersion>[] = [
  { id: "id", header: "Version", cell: (v) => v.VersionId, value: (v) => v.VersionId, main: true },
  {
    id: "default",
    header: "Default",
    cell: (v) => (v.IsDefaultVersion ? <Badge color="blue">Default</Badge> : none),
    value: (v) => (v.IsDefaultVersion ? "Default" : ""),
  },
  {
    id: "created",
    header: "Created",
    cell: (v) => <Time at={v.CreateDate} />,
    value: (v) => v.CreateDate,
    minWidth: 190,
  },
];

function Versions({ arn }: { arn: string }) {
  const versions = useAll(ListPolicyVersions, { PolicyArn: arn }, (page) => page.Versions);
  const [chosen, choose] = useState<PolicyVersion[]>([]);
  const stale = [GetPolicy, ListPolicyVersions, ListPolicies];
  const one = chosen[0];
  const set = useOperation(SetDefaultPolicyVersion, {
    done: (_, { VersionId }) => `Version ${VersionId} is the default now.`,
    stale,
    onDone: () => choose([]),
  });
  const remove = useOperation(DeletePolicyVersion, {
    done: (_, { VersionId }) => `Version ${VersionId} was deleted.`,
    stale,
    onDone: () => choose([]),
  });
  return (
    <SpaceBetween size="l">
      <ResourceTable
        id="iam-versions"
        title="Versions"
        description={`Up to ${mostVersions} are kept.`}
        items={versions.data}
        loading={versions.isPending}
        error={versions.error}
        retry={() => void versions.refetch()}
        what="list the versions"
        columns={versionColumns}
        trackBy={(v) => v.VersionId ?? ""}
        selection="single"
        selected={chosen}
        onSelect={choose}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button
              disabled={!one || one.IsDefaultVersion === true}
              loading={remove.isPending}
              onClick={() => one?.VersionId && remove.mutate({ PolicyArn: arn, VersionId: one.VersionId })}
            >
              Delete
            </Button>
            <Button
              disabled={!one || one.IsDefaultVersion === true}
              loading={set.isPending}
              onClick={() => one?.VersionId && set.mutate({ PolicyArn: arn, VersionId: one.VersionId })}
            >
              Make default
            </Button>
          </SpaceBetween>
        }
      />
      {one?.VersionId && (
        <Container header={<Header variant="h2">{`Version ${one.VersionId}`}</Header>}>
          <ManagedText arn={arn} version={one.VersionId} />
        </Container>
      )}
    </SpaceBetween>
  );
}

interface Has extends Holder {
  as: "Policy" | "Boundary";
}

const hasColumns: readonly Column<Has>[] = [
  {
    id: "name",
    header: "Name",
    cell: (h) => <To path={pathOf[h.sort](h.name)}>{h.name}</To>,
    value: (h) => h.name,
    main: true,
    minWidth: 180,
  },
  { id: "sort", header: "Type", cell: (h) => h.sort, value: (h) => h.sort },
  { id: "as", header: "As", cell: (h) => h.as, value: (h) => h.as },
];

function AttachedTo({ arn }: { arn: string }) {
  const who = (as: Has["as"]) => ({
    PolicyArn: arn,
    PolicyUsageFilter: as === "Policy" ? ("PermissionsPolicy" as const) : ("PermissionsBoundary" as const),
  });
  const having = useAll(ListEntitiesForPolicy, who("Policy"), (page) => entities(page, "Policy"));
  const bounded = useAll(ListEntitiesForPolicy, who("Boundary"), (page) => entities(page, "Boundary"));
  const [chosen, choose] = useState<Has[]>([]);
  const detach = useAction(
    async (all: readonly Has[], client) => {
      for (const one of all) await holding.detach(client, one, arn);
    },
    {
      done: "The policy was detached.",
      stale: [
        ListEntitiesForPolicy,
        ListPolicies,
        GetPolicy,
        ...policiesOf.user,
        ...policiesOf.group,
        ...policiesOf.role,
      ],
      onDone: () => choose([]),
    },
  );
  return (
    <ResourceTable
      id="iam-entities"
      title="Attached to"
      items={having.data && bounded.data && [...having.data, ...bounded.data]}
      loading={having.isPending || bounded.isPending}
      error={having.error ?? bounded.error}
      retry={() => {
        void having.refetch();
        void bounded.refetch();
      }}
      what="see who has this policy"
      columns={hasColumns}
      trackBy={(h) => `${h.sort} ${h.name} ${h.as}`}
      selection="multi"
      selected={chosen}
      onSelect={choose}
      empty={<Empty title="Nobody has this policy">Attach it on the page of a user, group or role.</Empty>}
      actions={
        <Button
          disabled={chosen.length === 0 || chosen.some((h) => h.as === "Boundary")}
          disabledReason={
            chosen.length > 0 ? "A boundary is removed on the page of the user or role" : "Choose somebody"
          }
          loading={detach.isPending}
          onClick={() => detach.mutate(chosen)}
        >
          Detach
        </Button>
      }
    />
  );
}

function entities(
  page: {
    PolicyUsers?: { UserName?: string }[];
    PolicyGroups?: { GroupName?: string }[];
    PolicyRoles?: { RoleName?: string }[];
  },
  as: Has["as"],
): Has[] {
  return [
    ...(page.PolicyUsers ?? []).map(({ UserName = "" }) => ({ sort: "user" as const, name: UserName, as })),
    ...(page.PolicyGroups ?? []).map(({ GroupName = "" }) => ({ sort: "group" as const, name: GroupName, as })),
    ...(page.PolicyRoles ?? []).map(({ RoleName = "" }) => ({ sort: "role" as const, name: RoleName, as })),
  ];
}
