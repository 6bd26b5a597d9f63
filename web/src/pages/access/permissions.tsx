import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ListEntitiesForPolicy, ListPolicies, type AttachedPolicy, type Policy } from "@/api/iam.gen";
import type { Actions } from "@/api/outcrop.gen";
import { useAction, useAll, useClient, useOperator, useRegion, type ServiceError } from "@/client";
import { Answer, ConfirmDelete, Empty, Failed, ResourceTable, type Column } from "@/components";
import { holding, policiesOf, type Holder } from "./holder";
import { isManagedByAWS, pathOf, To } from "./links";
import { knownActions, type KnownActions, type PolicyKind } from "./policy/check";
import { decodePolicy, PolicyEditor, PolicyView, pretty } from "./policy/editor";
import { writingPolicy } from "./policy/refused";
import { BuilderModal } from "./policy/builder";

/** The actions that the server knows; nothing for who may not see them. */
export function useKnownActions(): KnownActions | undefined {
  const { data } = useOperator<Actions>("iam/actions");
  return useMemo(() => data && knownActions(data.actions), [data]);
}

/** Queries of a holder's policies: their keys are those of the operations, so that changes find them. */
function useHolding<T>(holder: Holder, which: 0 | 1, ask: (holder: Holder) => Promise<T>) {
  const region = useRegion();
  const operation = policiesOf[holder.sort][which];
  return useQuery<T, ServiceError>({
    queryKey: ["call", operation.service.id, operation.name, region, holder.name],
    queryFn: () => ask(holder),
  });
}

/** What a new policy begins with: harmless, and something to change. */
export const emptyPolicy = JSON.stringify(
  { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["bedrock:ListFoundationModels"], Resource: "*" }] },
  null,
  2,
);

const attachedColumns: readonly Column<AttachedPolicy>[] = [
  {
    id: "name",
    header: "Policy",
    cell: (p) => <To path={pathOf.policy(p.PolicyArn ?? "")}>{p.PolicyName}</To>,
    value: (p) => p.PolicyName,
    main: true,
    minWidth: 240,
  },
  {
    id: "type",
    header: "Type",
    cell: (p) =>
      isManagedByAWS(p.PolicyArn) ? <Badge>AWS managed</Badge> : <Badge color="blue">Customer managed</Badge>,
    value: (p) => (isManagedByAWS(p.PolicyArn) ? "AWS managed" : "Customer managed"),
  },
  { id: "arn", header: "ARN", cell: (p) => p.PolicyArn, value: (p) => p.PolicyArn, hidden: true },
];

/** The policies of a user, group or role: attached ones and its own. */
export function Permissions({ holder }: { holder: Holder }) {
  return (
    <SpaceBetween size="l">
      <Attached holder={holder} />
      <Inline holder={holder} />
    </SpaceBetween>
  );
}

function Attached({ holder }: { holder: Holder }) {
  const client = useClient();
  const attached = useHolding(holder, 0, (of) => holding.attached(client, of));
  const [chosen, choose] = useState<AttachedPolicy[]>([]);
  const [adding, setAdding] = useState(false);
  const detach = useAction(
    async (arns: readonly string[], with_) => {
      for (const arn of arns) await holding.detach(with_, holder, arn);
    },
    {
      done: (_, arns) => (arns.length === 1 ? "The policy was detached." : `${arns.length} policies were detached.`),
      stale: [...policiesOf[holder.sort], ListPolicies, ListEntitiesForPolicy],
      onDone: () => choose([]),
    },
  );
  return (
    <>
      <ResourceTable
        id={`iam-attached-${holder.sort}`}
        title="Attached policies"
        items={attached.data}
        loading={attached.isPending}
        error={attached.error}
        retry={() => void attached.refetch()}
        what="see the attached policies"
        columns={attachedColumns}
        trackBy={(p) => p.PolicyArn ?? ""}
        selection="multi"
        selected={chosen}
        onSelect={choose}
        pageSize={10}
        empty={
          <Empty
            title="No policy is attached"
            action={<Button onClick={() => setAdding(true)}>Attach policies</Button>}
          >
            Without one, this {holder.sort} may do nothing but what {holder.sort === "user" ? "their groups and " : ""}
            inline policies allow.
          </Empty>
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button
              disabled={chosen.length === 0}
              loading={detach.isPending}
              onClick={() => detach.mutate(chosen.map((p) => p.PolicyArn ?? ""))}
            >
              Detach
            </Button>
            <Button onClick={() => setAdding(true)}>Attach policies</Button>
          </SpaceBetween>
        }
      />
      {adding && <AttachModal holder={holder} has={attached.data ?? []} onClose={() => setAdding(false)} />}
    </>
  );
}

const choiceColumns: readonly Column<Policy>[] = [
  { id: "name", header: "Policy", cell: (p) => p.PolicyName, value: (p) => p.PolicyName, main: true, minWidth: 240 },
  {
    id: "type",
    header: "Type",
    cell: (p) => (isManagedByAWS(p.Arn) ? "AWS managed" : "Customer managed"),
    value: (p) => (isManagedByAWS(p.Arn) ? "AWS managed" : "Customer managed"),
    minWidth: 160,
  },
];

/** A table to choose policies of. */
export function PolicyChoice({
  without,
  chosen,
  onChoose,
}: {
  without: readonly string[];
  chosen: readonly Policy[];
  onChoose: (chosen: Policy[]) => void;
}) {
  const policies = useAll(ListPolicies, { MaxItems: 1000 }, (page) => page.Policies);
  return (
    <ResourceTable
      id="iam-policy-choice"
      title="Policies"
      items={policies.data?.filter((p) => !without.includes(p.Arn ?? ""))}
      loading={policies.isPending}
      error={policies.error}
      retry={() => void policies.refetch()}
      what="list policies"
      columns={choiceColumns}
      trackBy={(p) => p.Arn ?? ""}
      selection="multi"
      selected={chosen}
      onSelect={onChoose}
      pageSize={10}
    />
  );
}

function AttachModal({
  holder,
  has,
  onClose,
}: {
  holder: Holder;
  has: readonly AttachedPolicy[];
  onClose: () => void;
}) {
  const [chosen, choose] = useState<Policy[]>([]);
  const attach = useAction(
    async (arns: readonly string[], client) => {
      for (const arn of arns) await holding.attach(client, holder, arn);
    },
    {
      done: (_, arns) => (arns.length === 1 ? "The policy was attached." : `${arns.length} policies were attached.`),
      stale: [...policiesOf[holder.sort], ListPolicies, ListEntitiesForPolicy],
      quiet: true,
      onDone: onClose,
    },
  );
  return (
    <Modal
      visible
      size="large"
      header={`Attach policies to ${holder.sort} ${holder.name}`}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button
              variant="primary"
              disabled={chosen.length === 0}
              loading={attach.isPending}
              onClick={() => attach.mutate(chosen.map((p) => p.Arn ?? ""))}
            >
              Attach
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {attach.error && <Failed what="attach policies" error={attach.error} />}
        <PolicyChoice without={has.map((p) => p.PolicyArn ?? "")} chosen={chosen} onChoose={choose} />
      </SpaceBetween>
    </Modal>
  );
}

type OfName = (name: string) => void;

function inlineColumns(read: OfName, edit: OfName, remove: OfName): readonly Column<string>[] {
  return [
    {
      id: "name",
      header: "Policy",
      cell: (name) => (
        <Button variant="inline-link" onClick={() => read(name)}>
          {name}
        </Button>
      ),
      value: (name) => name,
      main: true,
      minWidth: 240,
    },
    {
      id: "actions",
      header: "Actions",
      cell: (name) => (
        <SpaceBetween direction="horizontal" size="s">
          <Button variant="inline-link" ariaLabel={`Edit ${name}`} onClick={() => edit(name)}>
            Edit
          </Button>
          <Button variant="inline-link" ariaLabel={`Delete ${name}`} onClick={() => remove(name)}>
            Delete
          </Button>
        </SpaceBetween>
      ),
    },
  ];
}

function Inline({ holder }: { holder: Holder }) {
  const client = useClient();
  const inline = useHolding(holder, 1, (of) => holding.inline(client, of));
  const [editing, setEditing] = useState<{ name?: string }>();
  const [reading, setReading] = useState<string>();
  const [deleting, setDeleting] = useState<string>();
  const remove = useAction((name: string, with_) => holding.deleteInline(with_, holder, name), {
    done: (_, name) => `The inline policy ${name} was deleted.`,
    stale: policiesOf[holder.sort],
    quiet: true,
    onDone: () => setDeleting(undefined),
  });
  const columns = inlineColumns(
    setReading,
    (name) => setEditing({ name }),
    (name) => {
      remove.reset();
      setDeleting(name);
    },
  );
  return (
    <>
      <ResourceTable
        id={`iam-inline-${holder.sort}`}
        title="Inline policies"
        items={inline.data}
        loading={inline.isPending}
        error={inline.error}
        retry={() => void inline.refetch()}
        what="see the inline policies"
        columns={columns}
        trackBy={(name) => name}
        pageSize={10}
        empty={
          <Empty
            title="No inline policies"
            action={<Button onClick={() => setEditing({})}>Create inline policy</Button>}
          >
            An inline policy belongs to this {holder.sort} alone and goes with it.
          </Empty>
        }
        actions={<Button onClick={() => setEditing({})}>Create inline policy</Button>}
      />
      {editing && <InlineModal holder={holder} name={editing.name} onClose={() => setEditing(undefined)} />}
      {reading !== undefined && (
        <Modal visible size="large" header={`Inline policy ${reading}`} onDismiss={() => setReading(undefined)}>
          <InlineText holder={holder} name={reading} />
        </Modal>
      )}
      <ConfirmDelete
        visible={deleting !== undefined}
        what={`inline policy ${deleting ?? ""}`}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => deleting !== undefined && remove.mutate(deleting)}
        onCancel={() => setDeleting(undefined)}
      />
    </>
  );
}

/** The text of an inline policy. */
export function useInlineText(holder: Holder, name: string | undefined) {
  const client = useClient();
  const region = useRegion();
  const operation = policiesOf[holder.sort][2];
  return useQuery<string, ServiceError>({
    queryKey: ["call", operation.service.id, operation.name, region, holder.name, name],
    queryFn: async () => decodePolicy((await holding.getInline(client, holder, name ?? "")).PolicyDocument),
    enabled: name !== undefined,
  });
}

/** The statement of a policy that cannot be read as a whole. */
export function StatementAlone({ text, error }: { text: string; error: ServiceError }) {
  return (
    <SpaceBetween size="xs">
      <PolicyView text={text} label="The statement" />
      <Box variant="small">
        The whole policy cannot be shown: {error.message} {error.requestId && <>(request {error.requestId})</>}
      </Box>
    </SpaceBetween>
  );
}

/** An inline policy. otherwise is shown to who may not read it. */
export function InlineText({
  holder,
  name,
  statement,
  otherwise,
}: {
  holder: Holder;
  name: string;
  statement?: number;
  otherwise?: string;
}) {
  const text = useInlineText(holder, name);
  if (text.error && otherwise !== undefined) return <StatementAlone text={otherwise} error={text.error} />;
  return (
    <Answer of={text} what="see the policy">
      {(data) => (
        <PolicyView text={data} label={`Policy ${name}`} {...(statement === undefined ? {} : { statement })} />
      )}
    </Answer>
  );
}

function InlineModal({ holder, name, onClose }: { holder: Holder; name: string | undefined; onClose: () => void }) {
  const text = useInlineText(holder, name);
  return (
    <>
      {name === undefined ? (
        <InlineForm holder={holder} name={undefined} was={emptyPolicy} onClose={onClose} />
      ) : text.data === undefined ? (
        <Modal visible size="large" header={`Edit inline policy ${name}`} onDismiss={onClose}>
          <Answer of={text} what="see the policy">
            {() => null}
          </Answer>
        </Modal>
      ) : (
        <InlineForm holder={holder} name={name} was={text.data} onClose={onClose} />
      )}
    </>
  );
}

/** What IAM allows in the name of a policy. */
export function nameProblem(name: string, most = 128): string | undefined {
  if (name === "") return undefined;
  if (name.length > most) return `At most ${most} characters.`;
  if (!/^[\w+=,.@-]+$/.test(name)) return "Letters, digits and + = , . @ - _ are allowed.";
  return undefined;
}

function InlineForm({
  holder,
  name: given,
  was,
  onClose,
}: {
  holder: Holder;
  name: string | undefined;
  was: string;
  onClose: () => void;
}) {
  const [name, setName] = useState(given ?? "");
  const [text, setText] = useState(() => pretty(was));
  const put = useAction(
    (input: { name: string; text: string }, client) =>
      writingPolicy(client, input.text, "inline", () => holding.putInline(client, holder, input.name, input.text)),
    {
      done: (_, input) => `The inline policy ${input.name} was ${given === undefined ? "created" : "changed"}.`,
      stale: policiesOf[holder.sort],
      quiet: true,
      onDone: onClose,
    },
  );
  const wrong = nameProblem(name);
  return (
    <Modal
      visible
      size="large"
      header={given === undefined ? `Create an inline policy for ${holder.name}` : `Edit inline policy ${given}`}
      onDismiss={({ detail }) => {
        // What was typed is not lost by a click beside it.
        if (detail.reason !== "overlay") onClose();
      }}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button
              variant="primary"
              disabled={name === "" || wrong !== undefined}
              loading={put.isPending}
              onClick={() => put.mutate({ name, text })}
            >
              {given === undefined ? "Create" : "Save"}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {put.error && <Failed what="write this policy" error={put.error} />}
        {given === undefined && (
          <FormField label="Policy name" errorText={wrong}>
            <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
          </FormField>
        )}
        <PolicyField value={text} onChange={setText} kind="inline" error={put.error} />
      </SpaceBetween>
    </Modal>
  );
}

/** The editor with what it needs: the actions that are known, and the form that writes a policy. */
export function PolicyField({
  value,
  onChange,
  kind,
  error,
  label = "Policy",
}: {
  value: string;
  onChange: (value: string) => void;
  kind: PolicyKind;
  error?: ServiceError | null;
  label?: string;
}) {
  const known = useKnownActions();
  const [building, setBuilding] = useState(false);
  return (
    <SpaceBetween size="s">
      {kind !== "trust" && <Button onClick={() => setBuilding(true)}>Choose models and regions</Button>}
      <PolicyEditor label={label} value={value} onChange={onChange} kind={kind} known={known} error={error ?? null} />
      {!known && <Box variant="small">The names of actions are not checked: the list of them is not there.</Box>}
      {building && (
        <BuilderModal
          onClose={() => setBuilding(false)}
          onBuilt={(text) => {
            onChange(text);
            setBuilding(false);
          }}
          replaces={value.trim() !== "" && value !== emptyPolicy}
        />
      )}
    </SpaceBetween>
  );
}

/** Says what a boundary is, where there is one. */
export function BoundaryNote({ arn, sort }: { arn: string; sort: string }) {
  return (
    <Alert type="info" header="There is a permissions boundary">
      What this {sort} may do is also bounded by <To path={pathOf.policy(arn)}>{arn}</To>.
    </Alert>
  );
}
