import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { chunkingProblems, strategies, textOf, type Chunking, type Strategy } from "./chunking";

/** The choice of a chunking strategy with its numbers. */
export function ChunkingFields({ value, onChange }: { value: Chunking; onChange: (value: Chunking) => void }) {
  const chosen = strategies.find((s) => s.id === value.strategy);
  const problems = chunkingProblems(value);
  const options = strategies.map(({ id, label, description }) => ({ value: id, label, description }));
  return (
    <SpaceBetween size="s">
      <FormField
        label="Chunking strategy"
        description="How documents are cut into the passages that are searched and cited. It cannot be changed later."
      >
        <Select
          selectedOption={options.find((o) => o.value === value.strategy) ?? null}
          options={options}
          triggerVariant="option"
          onChange={({ detail }) => onChange({ strategy: detail.selectedOption.value as Strategy, numbers: {} })}
        />
      </FormField>
      {chosen && chosen.sizes.length > 0 && (
        <ColumnLayout columns={chosen.sizes.length} minColumnWidth={180}>
          {chosen.sizes.map((size) => (
            <FormField
              key={size.id}
              label={size.label}
              constraintText={`${size.lowest} to ${size.highest.toLocaleString()}`}
              errorText={problems[size.id]}
            >
              <Input
                type="number"
                inputMode="numeric"
                value={textOf(value, size)}
                onChange={({ detail }) =>
                  onChange({ ...value, numbers: { ...value.numbers, [size.id]: detail.value } })
                }
              />
            </FormField>
          ))}
        </ColumnLayout>
      )}
    </SpaceBetween>
  );
}
