import Alert from "@cloudscape-design/components/alert";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import AttributeEditor, { type AttributeEditorProps } from "@cloudscape-design/components/attribute-editor";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { ListRoles, ListUsers } from "@/api/iam.gen";
import type { Actions, Decision, Explained, ExplainRequest, Match } from "@/api/outcrop.gen";
import { placeOf, regions } from "@/api/regions";
import { useAll, useClient, useOperator, useRegion, type ServiceError } from "@/client";
import { Answer } from "@/components";
import type { Holder } from "./holder";
import { manyOptions, nameOf, pathOf, To } from "./links";
import { InlineText } from "./permissions";
import { ManagedText } from "./policies";
import { PolicyView } from "./policy/editor";

interface Key {
  key: string;
  values: string;
}

/** A question as the form has it. */
export interface Question {
  principal: string;
  action: string;
  resource: string;
  /** Empty: the region that is chosen at the top. */
  in: string;
  context: Key[];
}

/** The question that an address asks: links to a decision can be handed on. */
export function questionOf(params: URLSearchParams): Question {
  return {
    principal: params.get("principal") ?? "",
    action: params.get("action") ?? "",
    resource: params.get("resource") ?? "",
    in: params.get("in") ?? "",
    context: params.getAll("context").map((pair) => {
      const at = pair.indexOf("=");
      return at < 0 ? { key: pair, values: "" } : { key: pair.slice(0, at), values: pair.slice(at + 1) };
    }),
  };
}

/** The address that asks a question, with what else is in it. */
export function paramsOf(was: URLSearchParams, question: Question): URLSearchParams {
  const next = new URLSearchParams(was);
  for (const name of ["principal", "action", "resource", "in"] as const) {
    if (question[name] === "") next.delete(name);
    else next.set(name, question[name]);
  }
  next.delete("context");
  for (const { key, values } of question.context) if (key !== "") next.append("context", `${key}=${values}`);
  return next;
}

/** What the server is asked. Several values of a key are separated by commas. */
export function requestOf(question: Question, region: string): ExplainRequest {
  const context: { [key: string]: string[] } = {};
  for (const { key, values } of question.context) {
    if (key !== "") context[key] = [...(context[key] ?? []), ...values.split(",").map((v) => v.trim())];
  }
  return {
    principal: question.principal.trim(),
    action: question.action.trim(),
    region: question.in || region,
    ...(question.resource.trim() === "" ? {} : { resource: question.resource.trim() }),
    ...(Object.keys(context).length === 0 ? {} : { context }),
  };
}

/** Asks whether somebody may do something, and shows the statement that decides. */
export function Explain() {
  const [params, setParams] = useSearchParams();
  const asked = useMemo(() => questionOf(params), [params]);
  // What is typed starts anew when the address asks something else.
  const about = JSON.stringify(asked);
  return (
    <SpaceBetween size="l">
      <Ask key={about} asked={asked} onAsk={(question) => setParams((was) => paramsOf(was, question))} />
      {asked.principal !== "" && asked.action !== "" && (
        <Told
          question={asked}
          onAdd={(keys) =>
            setParams((was) =>
              paramsOf(was, { ...asked, context: [...asked.context, ...keys.map((key) => ({ key, values: "" }))] }),
            )
          }
        />
      )}
    </SpaceBetween>
  );
}

function Ask({ asked, onAsk }: { asked: Question; onAsk: (question: Question) => void }) {
  const region = useRegion();
  const [question, set] = useState(asked);
  const change = (part: Partial<Question>) => set((was) => ({ ...was, ...part }));
  const users = useAll(ListUsers, { MaxItems: 1000 }, (page) => page.Users);
  const roles = useAll(ListRoles, { MaxItems: 1000 }, (page) => page.Roles);
  const actions = useOperator<Actions>("iam/actions");
  const principals = useMemo(
    () => [
      { label: "Account", options: [{ value: "root", label: "root" }] },
      { label: "Users", options: (users.data ?? []).map((u) => ({ value: `user/${u.UserName}` })) },
      { label: "Roles", options: (roles.data ?? []).map((r) => ({ value: `role/${r.RoleName}` })) },
    ],
    [users.data, roles.data],
  );
  const known = useMemo(
    () => [
      {
        label: "Operations",
        options: [...new Set(actions.data?.operations.map((o) => o.name))].map((value) => ({ value })),
      },
      { label: "Actions", options: (actions.data?.actions ?? []).map((value) => ({ value })) },
    ],
    [actions.data],
  );
  const need = actions.data?.operations.find((o) => o.name.toLowerCase() === question.action.toLowerCase());
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (question.principal !== "" && question.action !== "") onAsk(question);
      }}
    >
      <Container
        header={
          <Header
            variant="h2"
            description="Whether somebody may do something, and which statement of which policy says so."
          >
            Explain a decision
          </Header>
        }
      >
        <Form
          actions={
            <Button variant="primary" disabled={question.principal === "" || question.action === ""}>
              Explain
            </Button>
          }
        >
          <SpaceBetween size="m">
            <ColumnLayout columns={2}>
              <FormField label="Who" description="A user or role, by name or ARN, or root.">
                <Autosuggest
                  value={question.principal}
                  onChange={({ detail }) => change({ principal: detail.value })}
                  options={principals}
                  enteredTextLabel={(value) => `Use "${value}"`}
                  placeholder="user/alice"
                  empty="Nobody"
                  virtualScroll={manyOptions([...(users.data ?? []), ...(roles.data ?? [])])}
                />
              </FormField>
              <FormField
                label="What"
                description="An operation (Converse) or an action (bedrock:InvokeModel)."
                constraintText={
                  need && need.needs.length > 0
                    ? `Needs ${[...new Set(need.needs.map((n) => n.action))].join(", ")}.`
                    : undefined
                }
              >
                <Autosuggest
                  value={question.action}
                  onChange={({ detail }) => change({ action: detail.value })}
                  options={known}
                  enteredTextLabel={(value) => `Use "${value}"`}
                  placeholder="Converse"
                  statusType={actions.isPending ? "loading" : "finished"}
                  loadingText="Loading operations"
                  virtualScroll
                />
              </FormField>
              <FormField label="On what" description="An ARN, or what the operation takes, such as a model ID.">
                <Input
                  value={question.resource}
                  onChange={({ detail }) => change({ resource: detail.value })}
                  placeholder="amazon.nova-lite-v1:0"
                  autoComplete="off"
                  spellcheck={false}
                />
              </FormField>
              <FormField label="In region">
                <Select
                  selectedOption={{
                    value: question.in || region,
                    label: placeOf(question.in || region),
                    description: question.in || region,
                  }}
                  options={regions.map(({ group, regions: of }) => ({
                    label: group,
                    options: of.map(([code, place]) => ({ value: code, label: place, description: code })),
                  }))}
                  onChange={({ detail }) => change({ in: detail.selectedOption.value ?? "" })}
                  filteringType="auto"
                />
              </FormField>
            </ColumnLayout>
            <FormField label="Condition keys of the request" description="Several values are separated by commas.">
              <AttributeEditor<Key>
                items={question.context}
                addButtonText="Add a key"
                removeButtonText="Remove"
                empty="None"
                onAddButtonClick={() => change({ context: [...question.context, { key: "", values: "" }] })}
                onRemoveButtonClick={({ detail }) =>
                  change({ context: question.context.filter((_, i) => i !== detail.itemIndex) })
                }
                definition={contextFields((index, part) =>
                  change({ context: question.context.map((k, i) => (i === index ? { ...k, ...part } : k)) }),
                )}
              />
            </FormField>
          </SpaceBetween>
        </Form>
      </Container>
    </form>
  );
}

/** The fields of a condition key. */
function contextFields(
  change: (index: number, part: Partial<Key>) => void,
): AttributeEditorProps.FieldDefinition<Key>[] {
  return [
    {
      label: "Key",
      control: (item, index) => (
        <Autosuggest
          value={item.key}
          ariaLabel="Condition key"
          onChange={({ detail }) => change(index, { key: detail.value })}
          options={commonKeys.map((value) => ({ value }))}
          enteredTextLabel={(value) => `Use "${value}"`}
          placeholder="aws:SourceIp"
        />
      ),
    },
    {
      label: "Values",
      control: (item, index) => (
        <Input
          value={item.values}
          ariaLabel="Values of the key"
          onChange={({ detail }) => change(index, { values: detail.value })}
          placeholder="10.0.0.1"
        />
      ),
    },
  ];
}

const commonKeys = [
  "aws:SourceIp",
  "aws:SourceVpce",
  "aws:VpcSourceIp",
  "aws:SecureTransport",
  "aws:CurrentTime",
  "aws:UserAgent",
  "aws:RequestTag/",
  "aws:ResourceTag/",
  "aws:TagKeys",
  "bedrock:InferenceProfileArn",
  "bedrock:GuardrailIdentifier",
  "bedrock:ServiceTier",
  "bedrock:BearerTokenType",
  "iam:PassedToService",
  "s3:prefix",
];

function Told({ question, onAdd }: { question: Question; onAdd: (keys: string[]) => void }) {
  const client = useClient();
  const region = useRegion();
  const request = requestOf(question, region);
  const told = useQuery<Explained, ServiceError>({
    queryKey: ["operator", "iam/explain", request],
    queryFn: ({ signal }) => client.operator<Explained>("POST", "iam/explain", { body: request, signal }),
    // What was decided a moment ago may be decided in another way after a change.
    staleTime: 0,
  });
  return (
    <div aria-live="polite">
      <Answer of={told} what="ask for decisions">
        {(data) => <Decisions told={data} onAdd={onAdd} />}
      </Answer>
    </div>
  );
}

function Decisions({ told, onAdd }: { told: Explained; onAdd: (keys: string[]) => void }) {
  const { allowed, principal, decisions } = told;
  return (
    <SpaceBetween size="l">
      <Alert type={allowed ? "success" : "error"} header={allowed ? "Allowed" : "Denied"}>
        {decisions.length === 0
          ? "The operation needs no permission."
          : allowed
            ? `${principal} may do it.`
            : decisions.length === 1
              ? `${principal} may not do it.`
              : `${principal} may not do it: of ${decisions.length} permissions that it needs ${decisions.filter((d) => !d.allowed).length} are not there.`}
      </Alert>
      {decisions.map((decision) => (
        <One key={`${decision.action} ${decision.resource}`} decision={decision} onAdd={onAdd} />
      ))}
    </SpaceBetween>
  );
}

function One({ decision, onAdd }: { decision: Decision; onAdd: (keys: string[]) => void }) {
  const { action, resource, allowed, explicitDeny, message, matches, missingContextKeys, unasked } = decision;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={<span style={{ overflowWrap: "anywhere" }}>{resource}</span>}
          actions={
            <StatusIndicator type={allowed ? "success" : "error"}>
              {allowed ? "Allowed" : explicitDeny ? "Denied by a statement" : "Not allowed by any statement"}
            </StatusIndicator>
          }
        >
          {action}
        </Header>
      }
    >
      <SpaceBetween size="m">
        {message !== "" && <Box>{message}</Box>}
        {unasked && <Box>No policy was asked: the account&apos;s root may do everything.</Box>}
        {!unasked && matches.length === 0 && <Box>No statement of any policy is about this request.</Box>}
        {matches
          .toSorted((a, b) => Number(b.decisive) - Number(a.decisive))
          .map((match) => (
            <Statement key={`${match.layer} ${match.policy} ${match.owner} ${match.statement}`} match={match} />
          ))}
        {missingContextKeys.length > 0 && (
          <Box>
            <SpaceBetween size="xs">
              <div>
                Policies ask for condition keys that the request does not have: {missingContextKeys.join(", ")}.
              </div>
              <Button variant="inline-link" onClick={() => onAdd(missingContextKeys)}>
                Add them to the request
              </Button>
            </SpaceBetween>
          </Box>
        )}
      </SpaceBetween>
    </Container>
  );
}

/** Who has an inline policy, by the ARN of the user, group or role. */
export function holderOf(arn: string): Holder | undefined {
  const sort = /^arn:[^:]+:iam::\d+:(user|group|role)\//.exec(arn)?.[1] as Holder["sort"] | undefined;
  return sort && { sort, name: nameOf(arn) };
}

function Statement({ match }: { match: Match }) {
  const { layer, policy, owner, statement, sid, effect, decisive } = match;
  const managed = policy.startsWith("arn:") && policy.includes(":policy/");
  const holder = holderOf(owner);
  return (
    <ExpandableSection
      defaultExpanded={decisive}
      headerText={
        <>
          {decisive && <Badge color={effect === "Deny" ? "red" : "green"}>Decided</Badge>}{" "}
          {effect === "Deny" ? "Denies" : "Allows"}: {layer} {managed ? nameOf(policy) : policy}, statement {statement}
          {sid && ` (${sid})`}
        </>
      }
    >
      <SpaceBetween size="s">
        <Box color="text-body-secondary">
          {managed ? <To path={pathOf.policy(policy)}>{policy}</To> : `Inline policy ${policy}`}
          {holder && (
            <>
              {" "}
              of {holder.sort} <To path={pathOf[holder.sort](holder.name)}>{holder.name}</To>
            </>
          )}
        </Box>
        <Text match={match} managed={managed} holder={holder} />
      </SpaceBetween>
    </ExpandableSection>
  );
}

/** The whole policy with the statement highlighted, where it can be had; otherwise the statement. */
function Text({ match, managed, holder }: { match: Match; managed: boolean; holder: Holder | undefined }) {
  const { policy, statement, type, text } = match;
  if (managed && /managed/.test(type)) return <ManagedText arn={policy} statement={statement} otherwise={text} />;
  if (holder && holder.sort === type) {
    return <InlineText holder={holder} name={policy} statement={statement} otherwise={text} />;
  }
  return <PolicyView text={text} label="The statement" />;
}
