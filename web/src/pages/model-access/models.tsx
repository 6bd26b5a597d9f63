import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Popover from "@cloudscape-design/components/popover";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { DeleteFoundationModelAgreement } from "@/api/bedrock.gen";
import type { ModelAccess, ModelAccessState } from "@/api/outcrop.gen";
import { useNotify } from "@/shell/notifications";
import { ConfirmDelete, Copyable, Empty, none, ResourceTable, StatusBadge, Time, type Column } from "@/components";
import { AnsweredBy } from "../catalog/answered-by";
import { nameOfServed } from "../catalog/served";
import { pathOfModel, To } from "../catalog/to";
import { counted, denialOf, requestable, statusOf, statusTexts, withdrawable } from "./access";
import { DecideModal, type Verdict } from "./decide-modal";
import { Failures } from "./failures";
import { Progress, useMany } from "./many";
import { RequestModal } from "./request-modal";

/** The status; of a denial, what was said and what can be done. */
function Status({ of, mode }: { of: ModelAccessState; mode: string }) {
  const { status, text, type } = statusOf(of, mode);
  const badge = (
    <StatusBadge status={status} type={type}>
      {text}
    </StatusBadge>
  );
  const denial = denialOf(of);
  if (denial === "" || mode === "auto") return badge;
  return (
    <Popover
      dismissButton={false}
      position="right"
      size="medium"
      triggerType="text"
      header={text}
      content={
        <SpaceBetween size="xs">
          <span>{denial}</span>
          <Box variant="small">
            {status === "PENDING"
              ? "Somebody has asked again, and an administrator decides."
              : "You can ask again. An administrator decides."}
          </Box>
        </SpaceBetween>
      }
    >
      {badge}
    </Popover>
  );
}

function columnsOf(mode: string): readonly Column<ModelAccessState>[] {
  return [
    {
      id: "name",
      header: "Model",
      cell: (m) => <To path={pathOfModel(m.id)}>{m.name}</To>,
      value: (m) => m.name,
      main: true,
      minWidth: 180,
    },
    {
      id: "status",
      header: "Access status",
      cell: (m) => <Status of={m} mode={mode} />,
      value: (m) => statusOf(m, mode).text,
      minWidth: 190,
    },
    { id: "provider", header: "Provider", cell: (m) => m.provider, value: (m) => m.provider, minWidth: 125 },
    {
      id: "answered",
      header: "Answered by",
      cell: (m) => <AnsweredBy of={m} />,
      value: (m) => (m.servedBy ? `${nameOfServed(m.servedBy)}${m.servedBy.standIn ? " stand-in" : ""}` : undefined),
      minWidth: 200,
    },
    { id: "reason", header: "Reason", cell: (m) => denialOf(m) || none, value: denialOf, minWidth: 160 },
    {
      id: "requested",
      header: "Requested",
      cell: (m) => <Time at={m.requestedAt} />,
      value: (m) => m.requestedAt,
      minWidth: 190,
    },
    {
      id: "by",
      header: "Requested by",
      cell: (m) => m.requestedBy || none,
      value: (m) => m.requestedBy,
      minWidth: 220,
      hidden: true,
    },
    {
      id: "decided",
      header: "Decided",
      cell: (m) => <Time at={m.decidedAt} />,
      value: (m) => m.decidedAt,
      hidden: true,
    },
    { id: "id", header: "Model ID", cell: (m) => <Copyable text={m.id} />, value: (m) => m.id, minWidth: 280 },
  ];
}

const parameters = ["model", "provider", "status"] as const;

/** Which models may be used, and asking for those that may not. */
export function ModelsTable({ access, decides }: { access: ModelAccess; decides: boolean }) {
  const { mode, models, region } = access;
  const [params, setParams] = useSearchParams();
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set(params.getAll("model")));
  const [doing, setDoing] = useState<"request" | "withdraw" | Verdict>();
  const columns = useMemo(() => columnsOf(mode), [mode]);

  const [model, provider, status] = parameters.map((name) => params.get(name) ?? "");
  const shown = useMemo(
    () =>
      models.filter(
        (m) =>
          (!model || m.id === model) &&
          (!provider || m.provider === provider) &&
          (!status || statusOf(m, mode).status === status),
      ),
    [models, mode, model, provider, status],
  );
  const selected = useMemo(() => shown.filter((m) => chosen.has(m.id)), [shown, chosen]);
  const toRequest = selected.filter((m) => requestable(m, mode));
  const toWithdraw = selected.filter(withdrawable);
  const onlyRequests = toWithdraw.length > 0 && toWithdraw.every((m) => m.status === "PENDING");
  const everything = shown.filter((m) => requestable(m, mode));

  const narrow = (name: string, value: string) =>
    setParams(
      (was) => {
        const next = new URLSearchParams(was);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const providers = [...new Set(models.map((m) => m.provider))].toSorted((a, b) => a.localeCompare(b));
  const providerOptions = [
    { value: "", label: "Any provider" },
    ...providers.map((value) => ({ value, label: value })),
  ];
  const statusOptions = [{ value: "", label: "Any status" }, ...statusTexts];
  const one = (options: readonly { value: string; label: string }[], value = "") =>
    options.find((o) => o.value === value) ?? { value, label: value };
  const close = (done: boolean) => {
    setDoing(undefined);
    if (done) choose(new Set());
  };
  const targets = selected.map(({ id }) => ({ model: id, region }));

  return (
    <>
      <ResourceTable
        id="model-access"
        title="Models"
        items={shown}
        columns={columns}
        trackBy={(m) => m.id}
        sort="provider"
        wrapLines
        filterPlaceholder="Find models by name, provider, ID or status"
        selection="multi"
        selected={selected}
        onSelect={(of) => choose(new Set(of.map((m) => m.id)))}
        empty={
          models.length === 0 ? (
            <Empty title="No models">{`Nothing is offered in ${region}. Choose another region at the top.`}</Empty>
          ) : (
            <Empty
              title={model ? `${model} is not offered in ${region}` : "No models have all of these"}
              action={<Button onClick={() => setParams({}, { replace: true })}>Show all models</Button>}
            />
          )
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {mode !== "auto" && everything.length > 1 && (
              <Button onClick={() => choose(new Set(everything.map((m) => m.id)))}>
                {`Select all ${everything.length.toLocaleString()} to request`}
              </Button>
            )}
            <ButtonDropdown
              items={[
                {
                  id: "withdraw",
                  text: onlyRequests ? "Withdraw the request" : "End access",
                  disabled: toWithdraw.length === 0,
                  disabledReason: "Select models with an agreement or a request.",
                },
                ...(decides
                  ? [
                      {
                        id: "administer",
                        text: "Administer",
                        items: [
                          { id: "approve", text: "Approve access", disabled: selected.length === 0 },
                          { id: "deny", text: "Deny access", disabled: selected.length === 0 },
                        ],
                      },
                    ]
                  : []),
              ]}
              onItemClick={({ detail }) => setDoing(detail.id as "withdraw" | Verdict)}
            >
              Actions
            </ButtonDropdown>
            <Button
              variant="primary"
              disabled={toRequest.length === 0}
              disabledReason={
                mode === "auto"
                  ? "Nothing has to be requested: the configuration says access: auto."
                  : selected.length === 0
                    ? "Select the models that you want."
                    : "The selected models are granted already, or wait for approval."
              }
              onClick={() => setDoing("request")}
            >
              {toRequest.length > 0 ? `Request access (${toRequest.length.toLocaleString()})` : "Request access"}
            </Button>
          </SpaceBetween>
        }
        filters={
          <div className="access-filters">
            <Select
              ariaLabel="Provider"
              options={providerOptions}
              selectedOption={one(providerOptions, provider)}
              onChange={({ detail }) => narrow("provider", detail.selectedOption.value ?? "")}
              expandToViewport
            />
            <Select
              ariaLabel="Access status"
              options={statusOptions}
              selectedOption={one(statusOptions, status)}
              onChange={({ detail }) => narrow("status", detail.selectedOption.value ?? "")}
              expandToViewport
            />
            {model && (
              <Button iconName="close" iconAlign="right" onClick={() => narrow("model", "")}>
                {`Only ${model}`}
              </Button>
            )}
          </div>
        }
      />
      {doing === "request" && (
        <RequestModal
          models={toRequest}
          mode={mode}
          submitted={access.useCaseSubmitted}
          close={(done) => close(done.length > 0)}
        />
      )}
      {doing === "withdraw" && <Withdraw models={toWithdraw} mode={mode} close={close} />}
      {(doing === "approve" || doing === "deny") && (
        <DecideModal targets={targets} verdict={doing} mode={mode} close={close} />
      )}
    </>
  );
}

function Withdraw({
  models: given,
  mode,
  close,
}: {
  models: readonly ModelAccessState[];
  mode: string;
  close: (done: boolean) => void;
}) {
  const notify = useNotify();
  const [models] = useState(given);
  const requests = models.every((m) => m.status === "PENDING");
  const { run: end, over } = useMany<ModelAccessState>(
    ({ id }, client) => client.call(DeleteFoundationModelAgreement, { modelId: id }),
    {
      stale: ["model-access", "access-requests"],
      onDone: ({ done, failed }) => {
        if (done.length > 0) {
          notify.success(
            requests
              ? `The request for ${counted(done.length)} was withdrawn.`
              : `Access to ${counted(done.length)} was ended.`,
          );
        }
        if (failed.length === 0) close(true);
      },
    },
  );
  const failed = end.data?.failed ?? [];
  const barred = models.filter((m) => m.barred);
  const what = models.length === 1 ? (models[0]?.name ?? "") : counted(models.length);
  return (
    <ConfirmDelete
      visible
      what={requests ? `the request for ${what}` : `access to ${what}`}
      action={requests ? "Withdraw" : "End"}
      busy={end.isPending}
      error={end.error}
      onConfirm={() => end.mutate(failed.length > 0 ? failed.map(({ of }) => of) : models)}
      onCancel={() => close(end.data !== undefined)}
    >
      <SpaceBetween size="s">
        <div>
          {mode === "auto"
            ? "The agreement ends. The models can be used all the same, because the configuration says access: auto."
            : requests
              ? "No administrator is asked any more. You can ask again."
              : "Nobody in the account can use these models any more, until somebody asks for them again."}
        </div>
        {barred.length > 0 && (
          <div>
            {barred.length === 1 ? barred[0]?.name : counted(barred.length)}
            {barred.length === 1 ? " was denied before, and is so again." : " were denied before, and are so again."}
          </div>
        )}
        {end.isPending && end.variables.length > 1 && (
          <Progress label={requests ? "Withdrawing" : "Ending access"} over={over} all={end.variables.length} />
        )}
        {!end.isPending && failed.length > 0 && <Failures of={failed.map(({ of, error }) => ({ id: of.id, error }))} />}
      </SpaceBetween>
    </ConfirmDelete>
  );
}
