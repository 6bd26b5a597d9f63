import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import type { ReactNode } from "react";
import { askedBy, modelOptions, useCatalog } from "./models";

/** The choice of a model of a kind. Who may not list models types an ID. */
export function ModelSelect({
  kind,
  label,
  description,
  value,
  onChange,
}: {
  kind: string;
  label: string;
  description?: ReactNode;
  value: string;
  onChange: (id: string) => void;
}) {
  const catalog = useCatalog();
  const groups = modelOptions(catalog.data?.models ?? [], kind);
  const chosen = groups.flatMap((g) => g.options).find((o) => o.value === value);
  // Who really answers is said without the list being opened.
  const stand = catalog.data?.models.find((m) => m.kind === kind && askedBy(m) === value)?.servedBy;
  return (
    <FormField
      label={label}
      description={description}
      constraintText={
        stand ? `Answered by ${stand.backend}/${stand.model}${stand.standIn ? ", a stand-in" : ""}.` : undefined
      }
    >
      {catalog.error ? (
        <Input value={value} placeholder="Model ID or ARN" onChange={({ detail }) => onChange(detail.value)} />
      ) : (
        <Select
          selectedOption={chosen ?? { value, label: value }}
          options={groups}
          filteringType="auto"
          statusType={catalog.isPending ? "loading" : "finished"}
          loadingText="Loading models"
          empty="There are no such models in this region."
          noMatch="No matches"
          onChange={({ detail }) => onChange(detail.selectedOption.value ?? value)}
        />
      )}
    </FormField>
  );
}
