import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import { useEffect, useEffectEvent, useRef, useState, type ReactNode } from "react";
import { useSearchParams } from "react-router";
import { callers, filtersOf, statuses, type Filters } from "./filter";
import "./logs.css";

/** The parameters of the address, and what changes some of them. */
export function useParams(): [URLSearchParams, (changes: { [name: string]: string }) => void] {
  const [params, setParams] = useSearchParams();
  // Two fields may tell what was typed at almost the same time: the second change must know of the first.
  const latest = useRef(params);
  useEffect(() => {
    latest.current = params;
  }, [params]);
  return [
    params,
    (changes) => {
      const next = new URLSearchParams(latest.current);
      for (const [name, value] of Object.entries(changes)) {
        if (value === "") next.delete(name);
        else next.set(name, value);
      }
      latest.current = next;
      setParams(next, { replace: true });
    },
  ];
}

export function useFilters(): [Filters, (changes: { [name: string]: string }) => void] {
  const [params, change] = useParams();
  return [filtersOf(params), change];
}

/** A field of text that tells what was typed once the typing has paused. */
export function TextField({
  label,
  value,
  onChange,
  placeholder,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
}) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  if (known !== value) {
    setKnown(value);
    setTyped(value);
  }
  const tell = useEffectEvent(() => {
    if (typed !== value) onChange(typed);
  });
  useEffect(() => {
    const timer = setTimeout(() => tell(), 400);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <FormField label={label}>
      <Input
        type="search"
        value={typed}
        onChange={({ detail }) => setTyped(detail.value)}
        onKeyDown={({ detail }) => {
          if (detail.key === "Enter") onChange(typed);
        }}
        placeholder={placeholder ?? ""}
        spellcheck={false}
        clearAriaLabel={`Clear ${label}`}
      />
    </FormField>
  );
}

export function Choice({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly (readonly [string, string, ...unknown[]])[];
  value: string;
  onChange: (value: string) => void;
}) {
  const list = options.map(([id, text]) => ({ value: id, label: text }));
  return (
    <FormField label={label}>
      <Select
        options={list}
        selectedOption={list.find((o) => o.value === value) ?? (value === "" ? null : { value, label: value })}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      />
    </FormField>
  );
}

/** The filters of requests. */
export function RequestFilters({
  filters,
  onChange,
  children,
}: {
  filters: Filters;
  onChange: (changes: { [name: string]: string }) => void;
  children?: ReactNode;
}) {
  const text = (name: keyof Filters, label: string, placeholder: string) => (
    <TextField
      label={label}
      value={filters[name]}
      onChange={(value) => onChange({ [name]: value })}
      placeholder={placeholder}
    />
  );
  return (
    <div className="logs-filters">
      {text("model", "Model", "nova, or amazon.*")}
      {text("principal", "Principal", "alice, or role/*")}
      {text("operation", "Operation", "Converse")}
      <Choice label="Status" options={statuses} value={filters.status} onChange={(status) => onChange({ status })} />
      <Choice label="Caller" options={callers} value={filters.caller} onChange={(caller) => onChange({ caller })} />
      {text("find", "ID", "request, access key, address …")}
      {children}
    </div>
  );
}
