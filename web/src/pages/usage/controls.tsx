import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TokenGroup from "@cloudscape-design/components/token-group";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { GetTags } from "@/api/ce.gen";
import { useClient, useRegion } from "@/client";
import { filterNames, filterParameter, groupings, measures, type View } from "./query";
import { dayOf, isCustom, ranges, stepsOf } from "./range";

type Change = (changes: { [parameter: string]: string | undefined }) => void;

/** What is looked at: the time, the groups, what is measured, and the filters. */
export function Controls({ view, now, onChange }: { view: View; now: Date; onChange: Change }) {
  const tags = useTagKeys(now);
  const custom = isCustom(view.range);
  const last = new Date(view.span.to.getTime() - 1);
  const first = dayOf(view.span.from);
  const end = dayOf(last);
  const keys = [...new Set([...tags, ...(view.group.startsWith("tag:") ? [view.group.slice(4)] : [])])];
  const steps = stepsOf(view.span);

  return (
    <Container>
      <SpaceBetween size="m">
        <div className="usage-controls">
          <Choice
            label="Time"
            options={[...ranges, ["custom", "From … to …"]]}
            value={custom ? "custom" : view.range}
            onChange={(range) => onChange({ range: range === "custom" ? `${first}..${end}` : range, step: undefined })}
          />
          {custom && (
            <>
              <Day
                label="First day"
                value={first}
                onChange={(day) => onChange({ range: ordered(day, end), step: undefined })}
              />
              <Day
                label="Last day"
                value={end}
                onChange={(day) => onChange({ range: ordered(first, day), step: undefined })}
              />
            </>
          )}
          <Choice
            label="Step"
            options={steps.map((s) => [s, { hour: "Hours", day: "Days", month: "Months" }[s]] as const)}
            value={view.step}
            onChange={(step) => onChange({ step })}
          />
          <Choice
            label="Group by"
            options={[...groupings, ...keys.map((key) => [`tag:${key}`, `Tag: ${key}`] as const)]}
            value={view.group}
            onChange={(group) => onChange({ group })}
          />
          <Choice
            label="Show"
            options={Object.entries(measures)}
            value={view.measure}
            onChange={(measure) => onChange({ measure })}
          />
        </div>
        <FilterRow view={view} tags={keys} onChange={onChange} />
      </SpaceBetween>
    </Container>
  );
}

/**
 * The keys of tags that calls have had within a year. Who may not ask for them can still write one. They are asked for
 * once, because the audit trail tells of each time.
 */
function useTagKeys(now: Date): readonly string[] {
  const client = useClient();
  const region = useRegion();
  const day = 86_400_000;
  const TimePeriod = { Start: dayOf(new Date(now.getTime() - 365 * day)), End: dayOf(new Date(now.getTime() + day)) };
  const tags = useQuery({
    queryKey: ["call", "ce", "GetTags", region, TimePeriod],
    queryFn: ({ signal }) => client.call(GetTags, { TimePeriod }, { signal }),
    staleTime: 3_600_000,
    retry: false,
  });
  return tags.data?.Tags ?? [];
}

function ordered(a: string, b: string): string {
  return a <= b ? `${a}..${b}` : `${b}..${a}`;
}

function Choice({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly (readonly [string, string])[];
  value: string;
  onChange: (value: string) => void;
}) {
  const list = options.map(([id, text]) => ({ value: id, label: text }));
  return (
    <FormField label={label}>
      <Select
        options={list}
        selectedOption={list.find((o) => o.value === value) ?? null}
        filteringType={list.length > 12 ? "auto" : "none"}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      />
    </FormField>
  );
}

function Day({ label, value, onChange }: { label: string; value: string; onChange: (day: string) => void }) {
  return (
    <FormField label={label}>
      <DatePicker
        value={value}
        onChange={({ detail }) => {
          // While somebody types it is no day yet.
          if (/^\d{4}-\d{2}-\d{2}$/.test(detail.value)) onChange(detail.value);
        }}
        openCalendarAriaLabel={(day) => `Choose the ${label.toLowerCase()}${day ? `, now ${day}` : ""}`}
        placeholder="YYYY/MM/DD"
      />
    </FormField>
  );
}

/** Adds filters and shows those that hold. */
function FilterRow({ view, tags, onChange }: { view: View; tags: readonly string[]; onChange: Change }) {
  const [of, setOf] = useState("model");
  const [key, setKey] = useState("");
  const [text, setText] = useState("");
  const options = [
    ...filterNames,
    ...tags.map((tag) => [`tag:${tag}`, `Tag: ${tag}`] as const),
    ["other-tag", "Another tag"] as const,
  ];
  const name = of === "other-tag" ? `tag:${key.trim()}` : of;
  const ready = text.trim() !== "" && name !== "tag:";
  const add = () => {
    if (!ready) return;
    onChange({ [filterParameter(name)]: text.trim() });
    setText("");
  };
  const labelOf = (parameter: string) =>
    filterNames.find(([id]) => id === parameter)?.[1] ?? parameter.replace(/^tag:/, "Tag ");
  const set = Object.entries(view.filters);
  return (
    <SpaceBetween size="xs">
      <form
        className="usage-controls"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <Choice label="Filter" options={options} value={of} onChange={setOf} />
        {of === "other-tag" && (
          <FormField label="Key of the tag">
            <Input value={key} onChange={({ detail }) => setKey(detail.value)} />
          </FormField>
        )}
        <FormField label="is">
          <Input
            value={text}
            onChange={({ detail }) => setText(detail.value)}
            placeholder={placeholders[of] ?? "blue, or b*"}
            spellcheck={false}
          />
        </FormField>
        <div>
          <Button disabled={!ready} onClick={add} formAction="none">
            Add filter
          </Button>
        </div>
      </form>
      {set.length > 0 && (
        <TokenGroup
          items={set.map(([parameter, value]) => ({
            label: `${labelOf(parameter)} = ${value}`,
            dismissLabel: `Remove the filter ${labelOf(parameter)} = ${value}`,
          }))}
          onDismiss={({ detail }) => onChange({ [filterParameter(set[detail.itemIndex]?.[0] ?? "")]: undefined })}
        />
      )}
    </SpaceBetween>
  );
}

const placeholders: { [filter: string]: string } = {
  model: "amazon.nova-*",
  principal: "user/alice, role/app, root",
  operation: "Converse*",
  region: "us-east-1",
  servedBy: "llamacpp/*",
  code: "ThrottlingException",
};
