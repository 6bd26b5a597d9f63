import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { memo, useState } from "react";
import { CreateFoundationModelAgreement, GetUseCaseForModelAccess, PutUseCaseForModelAccess } from "@/api/bedrock.gen";
import type { ModelAccessState } from "@/api/outcrop.gen";
import { useAction, useClient, useRegion, type ServiceError } from "@/client";
import { Answer, Failed } from "@/components";
import { useNotify } from "@/shell/notifications";
import { answeredText } from "../catalog/served";
import { counted } from "./access";
import { forEach } from "./each";
import { Failures } from "./failures";
import { loadTerms, together, type Terms } from "./terms";
import { encode, noUseCase, wrong } from "./use-case";
import { UseCaseFields } from "./use-case-fields";
import "./model-access.css";

/** Shows the terms of models, has them accepted, and asks for access. */
export function RequestModal({
  models,
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
  const ids = models.map((model) => model.id);
  const terms = useQuery<Terms[], ServiceError>({
    queryKey: ["model-terms", region, ids],
    queryFn: ({ signal }) => loadTerms(client, ids, signal),
    // What is accepted is what was read.
    gcTime: 0,
    refetchOnMount: false,
    refetchOnReconnect: false,
    refetchOnWindowFocus: false,
  });
  const [accepted, accept] = useState(false);
  const [tried, setTried] = useState(false);
  const [form, setForm] = useState(noUseCase);
  const [over, setOver] = useState(0);
  const [formGiven, setFormGiven] = useState(submitted);
  const askForm = !formGiven && models.some((model) => model.needsUseCase);
  const missing = askForm ? wrong(form) : {};

  const request = useAction(
    async (read: readonly Terms[], calls) => {
      if (askForm) {
        await calls.call(PutUseCaseForModelAccess, { formData: encode(form) });
        setFormGiven(true);
      }
      return forEach(
        read,
        ({ id, token }) => calls.call(CreateFoundationModelAgreement, { modelId: id, offerToken: token }),
        setOver,
      );
    },
    {
      quiet: true,
      stale: ["model-access", "access-requests", GetUseCaseForModelAccess],
      onDone: ({ done, failed }) => {
        if (done.length > 0) {
          notify.success(
            mode === "approval"
              ? `Access to ${counted(done.length)} was requested. An administrator has to approve.`
              : `Access to ${counted(done.length)} was granted.`,
          );
        }
        if (failed.length === 0) close(done.map((of) => of.id));
      },
    },
  );
  const failed = (request.data?.failed ?? []).map(({ of, error }) => ({ id: of.id, error }));
  const ended = request.data !== undefined;

  const submit = () => {
    setTried(true);
    if (accepted && terms.data && Object.keys(missing).length === 0) {
      setOver(0);
      request.mutate(terms.data);
    }
  };
  return (
    <Modal
      visible
      size="large"
      header={`Request access to ${models.length === 1 ? (models[0]?.name ?? "") : counted(models.length)}`}
      onDismiss={() => close(request.data?.done.map((of) => of.id) ?? [])}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => close(request.data?.done.map((of) => of.id) ?? [])}>
              {ended ? "Close" : "Cancel"}
            </Button>
            {!ended && (
              <Button variant="primary" onClick={submit} loading={request.isPending} disabled={!terms.data}>
                {mode === "approval" ? "Submit request" : "Accept and get access"}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
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
          <Answer of={terms} what="see the offers of models">
            {(read) => <Documents terms={read} models={models} />}
          </Answer>
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
        {request.isPending && models.length > 1 && (
          <ProgressBar
            label="Requesting access"
            value={(100 * over) / models.length}
            additionalInfo={`${over} of ${counted(models.length)}`}
          />
        )}
        {request.error && <Failed what="request access to models" error={request.error} />}
        <Failures of={failed} />
      </SpaceBetween>
    </Modal>
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
          <pre className="terms" tabIndex={0} aria-label={`Terms of ${of.map(({ id }) => id).join(", ")}`}>
            {text}
          </pre>
          <ExpandableSection headerText={`They are for ${counted(of.length)}`} defaultExpanded={of.length <= 5}>
            <ul className="terms-models">
              {of.map(({ id, facts }) => {
                const model = by.get(id);
                return (
                  <li key={id}>
                    <Box variant="strong">{model?.name ?? id}</Box> <Box variant="code">{id}</Box>
                    <div>{model ? answeredText(model) : facts}</div>
                  </li>
                );
              })}
            </ul>
          </ExpandableSection>
        </SpaceBetween>
      ))}
    </SpaceBetween>
  );
});
