import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { memo, useState } from "react";
import { CreateFoundationModelAgreement, GetUseCaseForModelAccess, PutUseCaseForModelAccess } from "@/api/bedrock.gen";
import type { ModelAccessState } from "@/api/outcrop.gen";
import { useClient, useRegion, type ServiceError } from "@/client";
import { Failed } from "@/components";
import { useNotify } from "@/shell/notifications";
import { answeredText } from "../catalog/served";
import { counted, denialOf, waits } from "./access";
import { Failures } from "./failures";
import { Progress, useMany } from "./many";
import { loadTerms, together, type Read, type SharedTerms, type Terms } from "./terms";
import { encode, noUseCase, wrong } from "./use-case";
import { UseCaseFields } from "./use-case-fields";
import "./model-access.css";

/** Shows the terms of models, has them accepted, and asks for access. */
export function RequestModal({
  models: given,
  mode,
  submitted,
  close,
}: {
  models: readonly ModelAccessState[];
  mode: string;
  /** The account has submitted the use-case form. */
  submitted: boolean;
  close: (done: readonly string[]) => void;
}) {
  const client = useClient();
  const region = useRegion();
  const notify = useNotify();
  // What was chosen when it was opened. The page asks for the states of models now and then, and those that are
  // granted meanwhile are no longer among the ones to ask for.
  const [models] = useState(given);
  const [ids] = useState(() => models.map((model) => model.id));
  const [readOver, setReadOver] = useState(0);
  const read = useQuery<Read, ServiceError>({
    queryKey: ["model-terms", region, ids],
    queryFn: ({ signal }) => {
      setReadOver(0);
      return loadTerms(client, ids, signal, setReadOver);
    },
    // What is accepted is what was read.
    gcTime: 0,
    refetchOnMount: false,
    refetchOnReconnect: false,
    refetchOnWindowFocus: false,
  });
  const terms = read.data?.terms;
  const unread = read.data?.failed ?? [];
  const denied = models.filter((model) => model.status === "DENIED");
  const [accepted, accept] = useState(false);
  const [tried, setTried] = useState(false);
  const [form, setForm] = useState(noUseCase);
  const [formGiven, setFormGiven] = useState(submitted);
  const askForm = !formGiven && models.some((model) => model.needsUseCase);
  const missing = askForm ? wrong(form) : {};
  const [granted, setGranted] = useState<readonly string[]>([]);

  const { run, over } = useMany<Terms>(
    ({ id, token }, calls) => calls.call(CreateFoundationModelAgreement, { modelId: id, offerToken: token }),
    {
      first: async (calls) => {
        if (!askForm) return;
        await calls.call(PutUseCaseForModelAccess, { formData: encode(form) });
        setFormGiven(true);
      },
      stale: ["model-access", "access-requests", GetUseCaseForModelAccess],
      onDone: ({ done, failed }) => {
        const asked = new Set(models.filter((model) => waits(model, mode)).map((model) => model.id));
        const waiting = done.filter(({ id }) => asked.has(id)).length;
        if (done.length > waiting) notify.success(`Access to ${counted(done.length - waiting)} was granted.`);
        if (waiting > 0) {
          notify.success(`Access to ${counted(waiting)} was requested. An administrator has to approve.`);
        }
        const all = [...granted, ...done.map((of) => of.id)];
        setGranted(all);
        if (failed.length === 0 && unread.length === 0) close(all);
      },
    },
  );
  const failed = run.data?.failed ?? [];
  const left = run.data ? failed.map(({ of }) => of) : (terms ?? []);
  const ended = run.data !== undefined && left.length === 0;

  const submit = () => {
    setTried(true);
    if (accepted && terms && Object.keys(missing).length === 0) run.mutate(left);
  };
  const dismiss = () => close(granted);
  return (
    <Modal
      visible
      size="large"
      header={`Request access to ${models.length === 1 ? (models[0]?.name ?? "") : counted(models.length)}`}
      onDismiss={dismiss}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={dismiss}>
              {run.isPending && models.length > 1 ? "Stop" : run.data ? "Close" : "Cancel"}
            </Button>
            {!ended && (
              <Button variant="primary" onClick={submit} loading={run.isPending} disabled={!terms}>
                {failed.length > 0
                  ? `Try again (${failed.length.toLocaleString()})`
                  : models.every((model) => waits(model, mode))
                    ? "Submit request"
                    : "Accept and get access"}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
        {denied.length > 0 && <Denials denied={denied} of={models.length} mode={mode} />}
        {askForm && (
          <SpaceBetween size="m">
            <Header
              variant="h3"
              description="Anthropic asks each account once what its models are used for. The form stays on this server."
            >
              Use case details
            </Header>
            <UseCaseFields form={form} missing={tried ? missing : {}} onChange={setForm} />
          </SpaceBetween>
        )}
        <SpaceBetween size="s">
          <Header variant="h3">Terms</Header>
          {terms ? (
            <Documents terms={terms} models={models} />
          ) : read.error ? (
            <Failed what="see the offers of models" error={read.error} retry={() => void read.refetch()} />
          ) : (
            <Progress label="Reading the terms" over={readOver} all={models.length} />
          )}
          {unread.length > 0 && <Failures of={unread} what="has no terms to read" many="have no terms to read" />}
        </SpaceBetween>
        <SpaceBetween size="xxs">
          <Checkbox checked={accepted} disabled={ended} onChange={({ detail }) => accept(detail.checked)}>
            I have read the terms and accept them for the account.
          </Checkbox>
          {tried && !accepted && (
            <Box color="text-status-error" fontSize="body-s">
              <span role="alert">Accept the terms to go on.</span>
            </Box>
          )}
        </SpaceBetween>
        {run.isPending && left.length > 1 && (
          <Progress label="Requesting access" over={over} all={run.variables.length} />
        )}
        {run.error && <Failed what="request access to models" error={run.error} />}
        {!run.isPending && failed.length > 0 && <Failures of={failed.map(({ of, error }) => ({ id: of.id, error }))} />}
      </SpaceBetween>
    </Modal>
  );
}

/** Which of so many models an administrator has denied, and what asking again does. */
function Denials({ denied, of, mode }: { denied: readonly ModelAccessState[]; of: number; mode: string }) {
  const one = denied.length === 1;
  return (
    <Alert
      type="warning"
      header={
        of === 1
          ? "An administrator has denied this model"
          : `An administrator has denied ${one ? (denied[0]?.name ?? "") : counted(denied.length)}`
      }
    >
      {mode === "request" && "Accepting the terms is not enough here. "}
      {one ? "A new request" : "New requests"} for {one ? "it" : "them"} can be made, and an administrator decides.
      <ul className="terms-models">
        {denied.map((model) => (
          <li key={model.id}>
            {of > 1 && <Box variant="strong">{model.name}: </Box>}
            {denialOf(model)}
          </li>
        ))}
      </ul>
    </Alert>
  );
}

/** It is large where there are many models, and nothing of it changes while they are asked for. */
const Documents = memo(function DocumentsOf({
  terms,
  models,
}: {
  terms: readonly Terms[];
  models: readonly ModelAccessState[];
}) {
  const by = new Map(models.map((model) => [model.id, model]));
  return (
    <SpaceBetween size="m">
      {together(terms).map(({ text, of }) => (
        <SpaceBetween key={of[0]?.id ?? text} size="xs">
          <pre
            className="terms"
            tabIndex={0}
            aria-label={`Terms of ${of.length > 5 ? counted(of.length) : of.map(({ id }) => id).join(", ")}`}
          >
            {text}
          </pre>
          <Subjects of={of} by={by} />
        </SpaceBetween>
      ))}
    </SpaceBetween>
  );
});

/** Which models a document is for, and who answers for them. A long list is made once somebody opens it. */
function Subjects({ of, by }: { of: SharedTerms["of"]; by: ReadonlyMap<string, ModelAccessState> }) {
  const [open, setOpen] = useState(of.length <= 5);
  return (
    <ExpandableSection
      headerText={of.length === 1 ? "It is for this model" : `They are for ${counted(of.length)}`}
      expanded={open}
      onChange={({ detail }) => setOpen(detail.expanded)}
    >
      {open && (
        <ul className="terms-models" tabIndex={0} aria-label="Models">
          {of.map(({ id, facts }) => {
            const model = by.get(id);
            return (
              <li key={id}>
                <b>{model?.name ?? id}</b> <code>{id}</code>
                <div>{model ? answeredText(model) : facts}</div>
              </li>
            );
          })}
        </ul>
      )}
    </ExpandableSection>
  );
}
