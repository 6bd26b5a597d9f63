import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useId, type ReactNode } from "react";
import { jsonError } from "./json";
import "./json-editor.css";

/** A field for JSON that says while one types whether it is any. check finds further faults in what was parsed. */
export function JsonEditor({
  label,
  description,
  value,
  onChange,
  check,
  rows = 16,
  readOnly = false,
}: {
  label: ReactNode;
  description?: ReactNode;
  value: string;
  onChange: (value: string) => void;
  check?: (parsed: unknown) => string | undefined;
  rows?: number;
  readOnly?: boolean;
}) {
  const id = useId();
  let error = readOnly ? undefined : jsonError(value);
  if (!error && !readOnly) error = check?.(JSON.parse(value));
  const format = () => onChange(JSON.stringify(JSON.parse(value), null, 2));
  return (
    <SpaceBetween size="xs">
      <FormField label={label} description={description} controlId={id} errorText={error} stretch>
        <textarea
          id={id}
          className="json-editor"
          value={value}
          rows={rows}
          readOnly={readOnly}
          spellCheck={false}
          aria-invalid={error !== undefined}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => {
            // Tab indents; Escape and then Tab leaves, as anywhere.
            if (event.key !== "Tab" || event.shiftKey || readOnly || event.currentTarget.dataset.leave === "yes")
              return;
            event.preventDefault();
            const { selectionStart: from, selectionEnd: to } = event.currentTarget;
            event.currentTarget.setRangeText("  ", from, to, "end");
            onChange(event.currentTarget.value);
          }}
          onKeyUp={(event) => {
            event.currentTarget.dataset.leave = event.key === "Escape" ? "yes" : "";
          }}
        />
      </FormField>
      {!readOnly && (
        <Button variant="inline-link" onClick={format} disabled={jsonError(value) !== undefined}>
          Format
        </Button>
      )}
    </SpaceBetween>
  );
}
