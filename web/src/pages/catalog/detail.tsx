import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { useHref, useNavigate, useParams } from "react-router";
import type { Candidate, CatalogDetail, CatalogProfile, Price } from "@/api/outcrop.gen";
import { useOperator, useRegion } from "@/client";
import {
  Answer,
  CodeSample,
  Copyable,
  count,
  Empty,
  Money,
  none,
  Page,
  StatusBadge,
  Time,
  words,
  type Column,
} from "@/components";
import { samples } from "./samples";
import { answeredText } from "./served";
import { SmallTable } from "./small-table";
import { pathOfModel, pathOfPlayground, To } from "./to";
import { kindOf, modalities, priceLabel } from "./words";

/** Everything that is known of a model. */
export function CatalogModelPage() {
  const { "*": id = "" } = useParams();
  const region = useRegion();
  const model = useOperator<CatalogDetail>(`catalog/${encodeURIComponent(id)}`);
  const title = model.data?.name ?? id;
  return (
    <Page
      title={title}
      description={model.data && `${model.data.provider}, in ${region}`}
      crumbs={[{ text: title, path: pathOfModel(id).slice(1) }]}
      actions={model.data && <Actions model={model.data} />}
    >
      <Answer of={model} what="see the model catalog">
        {(data) => (
          <SpaceBetween size="l">
            {remarkable(data) && <Answering model={data} />}
            <Facts model={data} />
            <Samples key={data.id} model={data} />
            {data.profiles.length > 0 && <Profiles model={data} />}
            <Prices model={data} />
            <Candidates model={data} />
          </SpaceBetween>
        )}
      </Answer>
    </Page>
  );
}

function Actions({ model }: { model: CatalogDetail }) {
  const navigate = useNavigate();
  const access = `/model-access?model=${encodeURIComponent(model.id)}`;
  const playground = pathOfPlayground(model.id);
  const [accessHref, playgroundHref] = [useHref(access), useHref(playground)];
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Button
        href={accessHref}
        onFollow={(event) => {
          event.preventDefault();
          void navigate(access);
        }}
      >
        Model access
      </Button>
      {model.kind === "text" && (
        <Button
          variant="primary"
          href={playgroundHref}
          onFollow={(event) => {
            event.preventDefault();
            void navigate(playground);
          }}
        >
          Open in playground
        </Button>
      )}
    </SpaceBetween>
  );
}

/** Whether another one answers, or none. */
const unlike = ({ servedBy }: CatalogDetail) => !servedBy || servedBy.standIn || !servedBy.available;

const remarkable = (model: CatalogDetail) => unlike(model) || model.lifecycle !== "ACTIVE";

/** Who answers, where it is not simply the model itself, and that a model is old. */
function Answering({ model }: { model: CatalogDetail }) {
  const { servedBy, lifecycle, endOfLife } = model;
  return (
    <SpaceBetween size="xs">
      {unlike(model) && (
        <Alert
          type={servedBy?.available ? "info" : "warning"}
          header={!servedBy ? "Nobody answers" : servedBy.standIn ? "A stand-in answers" : "Not available now"}
        >
          {answeredText(model)}
        </Alert>
      )}
      {lifecycle !== "ACTIVE" && (
        <Alert
          type="warning"
          header={lifecycle === "EOL" ? "This model is at its end of life" : "This is a legacy model"}
        >
          {endOfLife ? (
            <>
              Its end of life at Amazon Bedrock: <Time at={endOfLife} />.
            </>
          ) : (
            "Its provider advises to use a newer one."
          )}
        </Alert>
      )}
    </SpaceBetween>
  );
}

const tokens = (n: number) => (n === 0 ? none : `${count(n)} tokens`);

function Facts({ model }: { model: CatalogDetail }) {
  return (
    <Container header={<Header variant="h2">Model</Header>}>
      <SpaceBetween size="l">
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Model ID", value: <Copyable text={model.id} /> },
            { label: "ARN", value: <Copyable text={model.arn} /> },
            { label: "Task", value: kindOf(model) },
            { label: "Lifecycle", value: <StatusBadge status={model.lifecycle} /> },
            { label: "Input", value: modalities(model.inputModalities) },
            { label: "Output", value: modalities(model.outputModalities) },
            { label: "Context window", value: tokens(model.contextWindow) },
            { label: "Longest output", value: tokens(model.maxOutputTokens) },
            { label: "Streaming", value: model.streaming ? "Yes" : "No" },
            { label: "Inference types", value: model.inferenceTypes.map(words).join(", ") || none },
            { label: "Customization", value: model.customizations.map(words).join(", ") || none },
            { label: "Format of InvokeModel", value: model.nativeFormat || none },
            ...(model.embeddingDimensions.length > 0
              ? [{ label: "Dimensions", value: model.embeddingDimensions.join(", ") }]
              : []),
            ...(model.promptCacheMinTokens > 0
              ? [{ label: "Shortest cached prompt", value: tokens(model.promptCacheMinTokens) }]
              : []),
            ...(model.outputBurndown > 1
              ? [{ label: "Quota for an output token", value: `${model.outputBurndown} tokens` }]
              : []),
            ...(model.mantleModelId
              ? [{ label: "ID in the OpenAI-compatible API", value: <Copyable text={model.mantleModelId} /> }]
              : []),
            ...(model.provisionedIds.length > 0
              ? [{ label: "IDs for provisioned throughput", value: model.provisionedIds.join(", ") }]
              : []),
          ]}
        />
        {model.kind === "text" && <Features of={model.supports} />}
        <div>
          <Box variant="awsui-key-label">Regions</Box>
          <SpaceBetween direction="horizontal" size="xxs">
            {model.regions.map((region) => (
              <Badge key={region}>{region}</Badge>
            ))}
          </SpaceBetween>
        </div>
      </SpaceBetween>
    </Container>
  );
}

const features: readonly (readonly [keyof CatalogDetail["supports"], string])[] = [
  ["system", "System prompt"],
  ["tools", "Tools"],
  ["toolStreaming", "Tools in streams"],
  ["vision", "Images"],
  ["documents", "Documents"],
  ["reasoning", "Reasoning"],
  ["promptCaching", "Prompt caching"],
  ["structuredOutput", "Structured output"],
  ["guardrails", "Guardrails"],
];

function Features({ of }: { of: CatalogDetail["supports"] }) {
  return (
    <div>
      <Box variant="awsui-key-label">Features</Box>
      <SpaceBetween direction="horizontal" size="s">
        {features.map(([key, label]) => {
          const has = of[key];
          return (
            <StatusIndicator key={key} type={has === null ? "pending" : has ? "success" : "stopped"}>
              {has === null
                ? `${label}: not known`
                : has
                  ? label
                  : `No ${label.slice(0, 1).toLowerCase()}${label.slice(1)}`}
            </StatusIndicator>
          );
        })}
      </SpaceBetween>
    </div>
  );
}

/** Why there is no sample. */
const noSample: { [kind: string]: string } = {
  speech: "Speech models are called by InvokeModelWithBidirectionalStream, a stream in both directions.",
  video: "Video models are called by StartAsyncInvoke, which writes its results to a bucket.",
  embedding: "This model is called by InvokeModel in a format of its own, or by StartAsyncInvoke.",
};

function Samples({ model }: { model: CatalogDetail }) {
  const region = useRegion();
  const onDemand = model.inferenceTypes.length === 0 || model.inferenceTypes.includes("ON_DEMAND");
  const profiles = model.profiles.map(({ id, name }) => ({ value: id, label: id, description: name }));
  const options = [
    ...(onDemand || profiles.length === 0
      ? [{ value: model.id, label: model.id, description: "The model itself" }]
      : []),
    ...profiles,
  ];
  const [chosen, choose] = useState(options[0]);
  // It is the address that this page came from, and so one that reaches the server from here.
  const list = samples(model, chosen?.value ?? model.id, { endpoint: window.location.origin, region });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            <>
              With this server&apos;s address. The credentials come from the environment or the configuration of the AWS
              SDKs; <To path="/access">Access</To> has them.
            </>
          }
        >
          Use it
        </Header>
      }
    >
      {list.length === 0 ? (
        <Empty title="No short example">
          {noSample[model.kind] ?? "This model is called by InvokeModel in a format of its own."}
        </Empty>
      ) : (
        <SpaceBetween size="m">
          {options.length > 1 && (
            <FormField label="Call it by">
              <Select
                options={options}
                selectedOption={chosen ?? null}
                onChange={({ detail }) =>
                  choose(options.find(({ value }) => value === detail.selectedOption.value) ?? options[0])
                }
              />
            </FormField>
          )}
          <CodeSample samples={list} />
        </SpaceBetween>
      )}
    </Container>
  );
}

const profileColumns: readonly Column<CatalogProfile>[] = [
  { id: "id", header: "Profile ID", cell: (p) => <Copyable text={p.id} />, value: (p) => p.id, main: true },
  { id: "name", header: "Name", cell: (p) => p.name, value: (p) => p.name },
  { id: "regions", header: "Requests may go to", cell: (p) => p.regions.join(", "), value: (p) => p.regions.join(" ") },
  { id: "arn", header: "ARN", cell: (p) => <Copyable text={p.arn} />, value: (p) => p.arn },
];

function Profiles({ model }: { model: CatalogDetail }) {
  return (
    <SmallTable
      title="Inference profiles"
      description="Names under which the model can be called, which spread requests over regions."
      items={model.profiles}
      columns={profileColumns}
      trackBy={(profile) => profile.id}
    />
  );
}

const priceColumns: readonly Column<Price>[] = [
  { id: "what", header: "What", cell: priceLabel, value: priceLabel, main: true },
  { id: "usd", header: "Price", cell: (p) => <Money usd={p.usd} />, value: (p) => Number(p.usd) },
  { id: "unit", header: "For", cell: (p) => p.unit, value: (p) => p.unit },
  {
    id: "own",
    header: "Set by",
    cell: (p) => (p.own ? "This server's configuration" : "The catalog"),
    value: (p) => (p.own ? "This server's configuration" : "The catalog"),
  },
];

function Prices({ model }: { model: CatalogDetail }) {
  return (
    <SmallTable
      title="Prices"
      description="What usage is counted at. This server charges nobody."
      items={model.prices}
      columns={priceColumns}
      trackBy={(price) => `${price.what} ${price.unit} ${price.aboveTokens}`}
      empty={
        <Empty title="No prices are known">Requests are counted at no cost. The configuration can set prices.</Empty>
      }
    />
  );
}

const candidateColumns: readonly Column<Candidate>[] = [
  { id: "model", header: "Backend and model", cell: (c) => c.model, value: (c) => c.model, main: true },
  {
    id: "available",
    header: "State",
    cell: (c) => (
      <StatusBadge status={c.available ? "available" : "down"}>{c.available ? "Available" : "Passed over"}</StatusBadge>
    ),
    value: (c) => (c.available ? "Available" : "Passed over"),
  },
  { id: "tier", header: "Tier", cell: (c) => c.tier + 1, value: (c) => c.tier },
  { id: "share", header: "Share", cell: (c) => `${Math.round(c.share * 100)} %`, value: (c) => c.share },
  { id: "error", header: "Last error", cell: (c) => c.lastError || none, value: (c) => c.lastError },
];

function Candidates({ model }: { model: CatalogDetail }) {
  const description = model.route
    ? `The route ${model.route} of the configuration leads here.`
    : "No route of the configuration names this model: the defaults hold.";
  return (
    <SmallTable
      title="Who answers"
      description={
        model.candidates.length > 1 && model.fallback.length > 0
          ? `${description} The next one is asked on: ${model.fallback.join(", ")}.`
          : description
      }
      items={model.candidates}
      columns={candidateColumns}
      trackBy={(candidate) => `${candidate.tier} ${candidate.model}`}
      empty={<Empty title="Nobody">{model.unserved}</Empty>}
    />
  );
}
