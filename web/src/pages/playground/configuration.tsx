import Autosuggest from "@cloudscape-design/components/autosuggest";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Slider from "@cloudscape-design/components/slider";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import TokenGroup from "@cloudscape-design/components/token-group";
import { useState } from "react";
import { ListKnowledgeBases } from "@/api/bedrock-agent.gen";
import type { CatalogModel } from "@/api/outcrop.gen";
import { useAll } from "@/client";
import { JsonEditor } from "@/components";
import { newSettings, type Column, type Conversation, type Settings, type Tool, type ToolChoice } from "./conversation";
import { findModel } from "./cost";
import type { Engine } from "./engine";
import { ToolEditor } from "./tool-editor";
import { exampleTool } from "./tools";

/** How the models are asked. */
export function Configuration({
  engine,
  conversation,
  models,
  onClose,
}: {
  engine: Engine;
  conversation: Conversation;
  models: readonly CatalogModel[];
  onClose: () => void;
}) {
  const { columns, system, knowledge } = conversation;
  const [chosen, setChosen] = useState("");
  const column = columns.find(({ id }) => id === chosen) ?? columns[0];
  const nameOf = ({ model }: Column, i: number) =>
    `${i + 1}. ${findModel(models, model)?.name ?? (model === "" ? "No model" : model)}`;
  return (
    <Container
      fitHeight
      header={
        <Header
          variant="h2"
          actions={<Button variant="icon" iconName="close" ariaLabel="Close the configuration" onClick={onClose} />}
        >
          Configuration
        </Header>
      }
    >
      <SpaceBetween size="l">
        <FormField
          label="System prompt"
          description={
            knowledge ? "A knowledge base answers with its own instructions." : "What the models are told first."
          }
          stretch
        >
          <Textarea
            value={system}
            onChange={({ detail }) => engine.change({ system: detail.value })}
            rows={4}
            disabled={knowledge !== undefined}
            placeholder="You are a helpful assistant."
          />
        </FormField>
        {column && (
          <ExpandableSection headerText="Inference" defaultExpanded>
            <SpaceBetween size="m">
              {columns.length > 1 && (
                <FormField label="Of the model" stretch>
                  <Select
                    options={columns.map((c, i) => ({ value: c.id, label: nameOf(c, i) }))}
                    selectedOption={{ value: column.id, label: nameOf(column, columns.indexOf(column)) }}
                    onChange={({ detail }) => setChosen(detail.selectedOption.value ?? "")}
                  />
                </FormField>
              )}
              <Inference key={column.id} engine={engine} column={column} model={findModel(models, column.model)} />
            </SpaceBetween>
          </ExpandableSection>
        )}
        <Tools engine={engine} conversation={conversation} />
        <KnowledgeBase engine={engine} conversation={conversation} />
      </SpaceBetween>
    </Container>
  );
}

function Inference({ engine, column, model }: { engine: Engine; column: Column; model: CatalogModel | undefined }) {
  const { settings } = column;
  const set = (change: { [K in keyof Settings]?: Settings[K] | undefined }) => {
    const next = { ...settings, ...change };
    const kept = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined));
    engine.changeColumn(column.id, { settings: kept as unknown as Settings });
  };
  const reset = () => {
    const { calledAs } = settings;
    engine.changeColumn(column.id, { settings: { ...newSettings(), ...(calledAs ? { calledAs } : {}) } });
  };
  const most = model?.maxOutputTokens ? model.maxOutputTokens : 8192;
  return (
    <SpaceBetween size="m">
      <CalledAs column={column} model={model} onChange={(calledAs) => set({ calledAs: calledAs || undefined })} />
      <Quantity
        label="Temperature"
        description="How freely it chooses its words."
        value={settings.temperature}
        from={0}
        to={1}
        step={0.01}
        start={1}
        onChange={(temperature) => set({ temperature })}
      />
      <Quantity
        label="Top P"
        description="How many of the likely words it chooses from."
        value={settings.topP}
        from={0}
        to={1}
        step={0.01}
        start={1}
        onChange={(topP) => set({ topP })}
      />
      <Quantity
        label="Maximum length"
        description="The most tokens of a reply."
        value={settings.maxTokens}
        from={1}
        to={most}
        step={1}
        start={most}
        onChange={(maxTokens) => set({ maxTokens })}
      />
      <StopSequences value={settings.stopSequences} onChange={(stopSequences) => set({ stopSequences })} />
      <ExpandableSection headerText="Additional fields" defaultExpanded={settings.additional !== ""}>
        <JsonEditor
          label="Additional model request fields"
          description='What only this model knows, such as {"top_k": 50}.'
          value={settings.additional === "" ? "{}" : settings.additional}
          onChange={(text) => set({ additional: text.trim() === "{}" ? "" : text })}
          check={(parsed) =>
            typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
              ? undefined
              : "It has to be an object."
          }
          rows={5}
        />
      </ExpandableSection>
      <Button variant="inline-link" onClick={reset}>
        Back to the model's defaults
      </Button>
    </SpaceBetween>
  );
}

/** The identifier that a model is called by: its ID, one of its profiles, or any ARN. */
function CalledAs({
  column,
  model,
  onChange,
}: {
  column: Column;
  model: CatalogModel | undefined;
  onChange: (value: string) => void;
}) {
  const onDemand = !model || model.inferenceTypes.length === 0 || model.inferenceTypes.includes("ON_DEMAND");
  const options = model
    ? [
        ...(onDemand ? [{ value: model.id, label: model.id, description: "On demand" }] : []),
        ...model.inferenceProfiles.map((id) => ({ value: id, label: id, description: "Inference profile" })),
      ]
    : [];
  return (
    <FormField label="Called as" description="The model's ID, an inference profile, or an ARN." stretch>
      <Autosuggest
        value={column.settings.calledAs ?? column.model}
        onChange={({ detail }) => onChange(detail.value === column.model ? "" : detail.value)}
        options={options}
        filteringType="none"
        enteredTextLabel={(value) => `Use: "${value}"`}
        ariaLabel="Called as"
        empty="It has no profiles here"
        expandToViewport
      />
    </FormField>
  );
}

/** A number that may be left to the model. */
function Quantity({
  label,
  description,
  value,
  from,
  to,
  step,
  start,
  onChange,
}: {
  label: string;
  description: string;
  value: number | undefined;
  from: number;
  to: number;
  step: number;
  /** Where the slider stands while it is left to the model. */
  start: number;
  onChange: (value: number | undefined) => void;
}) {
  // Text that is no number yet stays in the field.
  const [typed, setTyped] = useState<{ text: string; of: number | undefined }>();
  const text = typed && typed.of === value ? typed.text : value === undefined ? "" : String(value);
  const number = Number(text);
  const error =
    text.trim() === "" ||
    (Number.isFinite(number) && number >= from && number <= to && (step < 1 || Number.isInteger(number)))
      ? undefined
      : `A ${step < 1 ? "number" : "whole number"} from ${from} to ${to}.`;
  return (
    <FormField label={label} description={description} errorText={error} stretch>
      <div className="playground-quantity">
        <Slider
          // In steps, as a slider counts in whole numbers.
          value={Math.round((value ?? start) / step)}
          min={Math.round(from / step)}
          max={Math.round(to / step)}
          valueFormatter={(steps) => (step < 1 ? (steps * step).toFixed(2) : String(steps))}
          hideFillLine={value === undefined}
          ariaLabel={label}
          onChange={({ detail }) => onChange(Number((detail.value * step).toFixed(2)))}
        />
        <Input
          value={text}
          inputMode={step < 1 ? "decimal" : "numeric"}
          placeholder="Default"
          ariaLabel={`${label} as a number`}
          onChange={({ detail }) => {
            const next = detail.value.trim() === "" ? undefined : Number(detail.value);
            const fits = next === undefined || (next >= from && next <= to && (step < 1 || Number.isInteger(next)));
            setTyped({ text: detail.value, of: fits ? next : value });
            if (fits) onChange(next);
          }}
        />
      </div>
    </FormField>
  );
}

function StopSequences({ value, onChange }: { value: readonly string[]; onChange: (value: string[]) => void }) {
  const [text, setText] = useState("");
  const add = () => {
    if (text === "" || value.includes(text)) return;
    onChange([...value, text]);
    setText("");
  };
  return (
    <FormField label="Stop sequences" description="Texts that end the reply. Enter adds one." stretch>
      <SpaceBetween size="xs">
        <div className="playground-quantity">
          <Input
            value={text}
            onChange={({ detail }) => setText(detail.value)}
            onKeyDown={({ detail }) => {
              if (detail.key === "Enter") add();
            }}
            ariaLabel="A stop sequence"
          />
          <Button onClick={add} disabled={text === ""} ariaLabel="Add the stop sequence">
            Add
          </Button>
        </div>
        {value.length > 0 && (
          <TokenGroup
            items={value.map((label) => ({ label: visible(label), dismissLabel: `Remove ${visible(label)}` }))}
            onDismiss={({ detail }) => onChange(value.filter((_, i) => i !== detail.itemIndex))}
          />
        )}
      </SpaceBetween>
    </FormField>
  );
}

/** White space that can be seen. */
function visible(text: string): string {
  return text.replaceAll("\n", "↵").replaceAll("\t", "⇥").replaceAll(" ", "␣");
}

function Tools({ engine, conversation }: { engine: Engine; conversation: Conversation }) {
  const { tools, toolChoice, knowledge } = conversation;
  const [edited, setEdited] = useState<{ tool: Tool; at: number }>();
  const change = (next: Tool[]) => {
    const lost = toolChoice.startsWith("tool:") && !next.some((tool) => `tool:${tool.name}` === toolChoice);
    engine.change({ tools: next, ...(lost || next.length === 0 ? { toolChoice: "auto" } : {}) });
  };
  const choices: { value: ToolChoice; label: string }[] = [
    { value: "auto", label: "The model decides" },
    { value: "any", label: "It has to call one" },
    ...tools.map(({ name }) => ({ value: `tool:${name}` as const, label: `It has to call ${name}` })),
  ];
  return (
    <ExpandableSection
      headerText={tools.length === 0 ? "Tools" : `Tools (${tools.length})`}
      defaultExpanded={tools.length > 0}
    >
      <SpaceBetween size="s">
        <Box color="text-body-secondary" variant="small">
          {knowledge
            ? "A knowledge base answers without tools."
            : "Models call them; nothing is run. You say what they answer, beforehand or each time."}
        </Box>
        {tools.map((tool, at) => (
          <div key={tool.name} className="playground-tool">
            <div>
              <Button variant="inline-link" onClick={() => setEdited({ tool, at })} ariaLabel={`Edit ${tool.name}`}>
                {tool.name}
              </Button>
              <Box variant="small" color="text-body-secondary" display="block">
                {tool.automatic ? "Answers by itself" : "You are asked"}
              </Box>
            </div>
            <Button
              variant="icon"
              iconName="remove"
              ariaLabel={`Remove ${tool.name}`}
              onClick={() => change(tools.filter((_, i) => i !== at))}
            />
          </div>
        ))}
        <Button iconName="add-plus" onClick={() => setEdited({ tool: exampleTool(tools), at: tools.length })}>
          Add a tool
        </Button>
        {tools.length > 0 && (
          <FormField label="Which is called" stretch>
            <Select
              options={choices}
              selectedOption={choices.find(({ value }) => value === toolChoice) ?? null}
              onChange={({ detail }) => engine.change({ toolChoice: detail.selectedOption.value as ToolChoice })}
            />
          </FormField>
        )}
      </SpaceBetween>
      {edited && (
        <ToolEditor
          tool={edited.tool}
          others={tools.filter((_, i) => i !== edited.at)}
          onCancel={() => setEdited(undefined)}
          onSave={(tool) => {
            change(edited.at === tools.length ? [...tools, tool] : tools.map((t, i) => (i === edited.at ? tool : t)));
            setEdited(undefined);
          }}
        />
      )}
    </ExpandableSection>
  );
}

function KnowledgeBase({ engine, conversation }: { engine: Engine; conversation: Conversation }) {
  const { knowledge } = conversation;
  const [open, setOpen] = useState(knowledge !== undefined);
  const bases = useAll(ListKnowledgeBases, {}, (page) => page.knowledgeBaseSummaries, { enabled: open });
  const none = { value: "", label: "None" };
  const options = (bases.data ?? []).map((base) => ({
    value: base.knowledgeBaseId,
    label: base.name,
    description: base.description ?? "",
    labelTag: base.knowledgeBaseId,
    ...(base.status === "ACTIVE" ? {} : { disabled: true, disabledReason: `It is ${base.status.toLowerCase()}.` }),
  }));
  const selected = knowledge
    ? (options.find(({ value }) => value === knowledge.id) ?? { value: knowledge.id, label: knowledge.id })
    : none;
  const change = (id: string | undefined) => {
    if (id) engine.change({ knowledge: { results: 5, search: "DEFAULT", ...knowledge, id } });
    else engine.withoutKnowledge();
  };
  return (
    <ExpandableSection headerText="Knowledge base" expanded={open} onChange={({ detail }) => setOpen(detail.expanded)}>
      <SpaceBetween size="m">
        <FormField
          label="Answer from"
          description="Replies are written from its documents, with their sources."
          stretch
        >
          <Select
            options={[none, ...options]}
            selectedOption={selected}
            onChange={({ detail }) => change(detail.selectedOption.value)}
            filteringType="auto"
            expandToViewport
            statusType={bases.isLoading ? "loading" : bases.error ? "error" : "finished"}
            loadingText="Loading knowledge bases"
            errorText={bases.error ? `${bases.error.code}: ${bases.error.message}` : ""}
            recoveryText="Try again"
            onLoadItems={({ detail }) => {
              if (bases.error && detail.samePage) void bases.refetch();
            }}
          />
        </FormField>
        {knowledge && (
          <>
            <Quantity
              label="Passages"
              description="How many are looked up."
              value={knowledge.results}
              from={1}
              to={100}
              step={1}
              start={5}
              onChange={(results) => engine.change({ knowledge: { ...knowledge, results: results ?? 5 } })}
            />
            <FormField label="Search" stretch>
              <Select
                options={searches}
                selectedOption={searches.find(({ value }) => value === knowledge.search) ?? null}
                onChange={({ detail }) =>
                  engine.change({
                    knowledge: { ...knowledge, search: detail.selectedOption.value as typeof knowledge.search },
                  })
                }
              />
            </FormField>
          </>
        )}
      </SpaceBetween>
    </ExpandableSection>
  );
}

const searches = [
  { value: "DEFAULT", label: "As the knowledge base decides" },
  { value: "HYBRID", label: "Meaning and words (hybrid)" },
  { value: "SEMANTIC", label: "Meaning alone (semantic)" },
];
