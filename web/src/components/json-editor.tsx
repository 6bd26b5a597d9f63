import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useId, type ReactNode } from "react";
import "./json-editor.css";

/** Why text is no JSON, with the line where it stops being it; undefined where it is. */
export function jsonError(text: string): string | undefined {
  if (text.trim() === "") return "It is empty.";
  try {
    JSON.parse(text);
    return undefined;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const at = /position (\d+)/.exec(message)?.[1];
    // Browsers differ in whether they say the line, and all say it in their own words.
    if (at === undefined || /line \d+/.test(message)) return message;
    const before = text.slice(0, Number(at)).split("\n");
    return `${message} (line ${before.length}, column ${(before.at(-1) ?? "").length + 1})`;
  }
}

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
