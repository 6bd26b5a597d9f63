import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import { operators, type Condition, type OperatorId } from "./filter";
import { ModelSelect } from "./model-select";
import { modelOptions, useCatalog } from "./models";
import { problemsOf, type Options } from "./question";

/** How is searched and answered. */
export function TestOptions({
  value,
  model,
  generate,
  onChange,
}: {
  value: Options;
  /** The model that answers unless one is chosen. */
  model: string;
  generate: boolean;
  onChange: (change: Partial<Options>) => void;
}) {
  const catalog = useCatalog();
  const problems = problemsOf(value, generate);
  const searches = [
    { value: "", label: "Default", description: "By meaning and by words, unless the server is set otherwise." },
    { value: "HYBRID", label: "Hybrid", description: "By meaning and by words." },
    { value: "SEMANTIC", label: "Semantic", description: "By meaning alone." },
  ];
  const rerankers = modelOptions(catalog.data?.models ?? [], "rerank");
  const ranked = rerankers.flatMap((g) => g.options).find((o) => o.value === value.rerank);
  const number = (id: "temperature" | "topP" | "maxTokens", label: string, placeholder: string) => (
    <FormField label={label} errorText={problems[id]}>
      <Input
        type="number"
        step="any"
        value={value[id]}
        placeholder={placeholder}
        onChange={({ detail }) => onChange({ [id]: detail.value })}
      />
    </FormField>
  );
  return (
    <SpaceBetween size="m">
      {generate && (
        <ModelSelect
          kind="text"
          label="Model"
          description="Writes the answers."
          value={value.model || model}
          onChange={(id) => onChange({ model: id })}
        />
      )}
      <ColumnLayout columns={2} minColumnWidth={140}>
        <FormField label="Search type">
          <Select
            selectedOption={searches.find((s) => s.value === value.search) ?? null}
            options={searches}
            onChange={({ detail }) => onChange({ search: (detail.selectedOption.value ?? "") as Options["search"] })}
          />
        </FormField>
        <FormField label="Passages" errorText={problems.results}>
          <Input
            type="number"
            value={value.results}
            placeholder="5"
            onChange={({ detail }) => onChange({ results: detail.value })}
          />
        </FormField>
      </ColumnLayout>
      <ExpandableSection headerText="Filters" variant="footer" defaultExpanded={value.conditions.length > 0}>
        <Filters value={value} onChange={onChange} />
      </ExpandableSection>
      {generate && (
        <ExpandableSection
          headerText="Prompt and inference"
          variant="footer"
          defaultExpanded={value.template !== "" || problems.template !== undefined}
        >
          <SpaceBetween size="m">
            <FormField
              label="Prompt template"
              description="Empty: the server's own."
              constraintText="$search_results$ is where the passages come; $query$, $output_format_instructions$ and $current_time$ are filled in as well."
              errorText={problems.template}
              secondaryControl={
                value.template === "" ? (
                  <Button onClick={() => onChange({ template: proposedTemplate })}>Insert one</Button>
                ) : undefined
              }
              stretch
            >
              <Textarea
                value={value.template}
                rows={value.template === "" ? 3 : 8}
                spellcheck={false}
                onChange={({ detail }) => onChange({ template: detail.value })}
              />
            </FormField>
            <ColumnLayout columns={3} minColumnWidth={100}>
              {number("temperature", "Temperature", "model's")}
              {number("topP", "Top P", "model's")}
              {number("maxTokens", "Max tokens", "model's")}
            </ColumnLayout>
            <Toggle checked={value.decompose} onChange={({ detail }) => onChange({ decompose: detail.checked })}>
              Break complex questions down
            </Toggle>
          </SpaceBetween>
        </ExpandableSection>
      )}
      {rerankers.length > 0 && (
        <ExpandableSection headerText="Reranking" variant="footer" defaultExpanded={value.rerank !== ""}>
          <FormField label="Reranking model" description="Puts the passages that were found into a better order.">
            <Select
              selectedOption={ranked ?? { value: "", label: "None" }}
              options={[{ value: "", label: "None" }, ...rerankers]}
              onChange={({ detail }) => onChange({ rerank: detail.selectedOption.value ?? "" })}
            />
          </FormField>
        </ExpandableSection>
      )}
    </SpaceBetween>
  );
}

/** What somebody who writes a template begins with. */
const proposedTemplate = `Answer the question from the search results alone. If they do not have the answer, say so.

Search results:
$search_results$

$output_format_instructions$

Question: $query$`;

function Filters({ value, onChange }: { value: Options; onChange: (change: Partial<Options>) => void }) {
  const set = (i: number, change: Partial<Condition>) =>
    onChange({ conditions: value.conditions.map((c, j) => (i === j ? { ...c, ...change } : c)) });
  return (
    <SpaceBetween size="s">
      {value.conditions.length > 1 && (
        <SegmentedControl
          label="How conditions are joined"
          selectedId={value.join}
          options={[
            { id: "andAll", text: "All hold" },
            { id: "orAll", text: "One holds" },
          ]}
          onChange={({ detail }) => onChange({ join: detail.selectedId as Options["join"] })}
        />
      )}
      {value.conditions.map((condition, i) => (
        // oxlint-disable-next-line react/no-array-index-key -- a condition has no identity but its place
        <div key={i} className="kb-condition">
          <Input
            ariaLabel={`Key of condition ${i + 1}`}
            placeholder="Key of the metadata"
            value={condition.key}
            onChange={({ detail }) => set(i, { key: detail.value })}
          />
          <Select
            ariaLabel={`Comparison of condition ${i + 1}`}
            selectedOption={
              operators.map((o) => ({ value: o.id, label: o.label })).find((o) => o.value === condition.operator) ??
              null
            }
            options={operators.map((o) => ({ value: o.id, label: o.label }))}
            onChange={({ detail }) => set(i, { operator: detail.selectedOption.value as OperatorId })}
          />
          <Input
            ariaLabel={`Value of condition ${i + 1}`}
            placeholder={operators.find((o) => o.id === condition.operator)?.many ? "a, b, c" : "Value"}
            value={condition.value}
            onChange={({ detail }) => set(i, { value: detail.value })}
          />
          <Button
            variant="icon"
            iconName="close"
            ariaLabel={`Remove condition ${i + 1}`}
            onClick={() => onChange({ conditions: value.conditions.filter((_, j) => i !== j) })}
          />
        </div>
      ))}
      <Button
        iconName="add-plus"
        onClick={() => onChange({ conditions: [...value.conditions, { key: "", operator: "equals", value: "" }] })}
      >
        Add a condition
      </Button>
    </SpaceBetween>
  );
}
