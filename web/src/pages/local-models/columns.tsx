import Badge from "@cloudscape-design/components/badge";
import type { LocalModel } from "@/api/outcrop.gen";
import { Bytes, none, StatusBadge, Time, Tokens, words, type Column } from "@/components";
import { To } from "../catalog/to";
import { FitBadge } from "./fit";
import { parametersText } from "./words";

export const pathOfLocal = (name: string) => `/local-models/${encodeURIComponent(name)}`;

/** What a model does, with why where it cannot. */
export function State({ of }: { of: LocalModel }) {
  const status = of.state === "absent" ? "not_found" : of.problem ? "error" : of.state;
  const text = of.state === "absent" ? "Not pulled" : of.problem ? "Damaged" : words(of.state);
  return (
    <span title={of.problem || of.why}>
      <StatusBadge status={status} {...(of.state === "unloading" ? { type: "in-progress" as const } : {})}>
        {of.users > 0 ? `${text}, ${of.users} in use` : text}
      </StatusBadge>
    </span>
  );
}

export const columns: readonly Column<LocalModel>[] = [
  {
    id: "name",
    header: "Name",
    cell: (m) => (
      <>
        <To path={pathOfLocal(m.name)}>{m.name}</To> {m.builtIn && <Badge>Built in</Badge>}
      </>
    ),
    value: (m) => m.name,
    main: true,
    minWidth: 230,
  },
  { id: "state", header: "State", cell: (m) => <State of={m} />, value: (m) => m.state, minWidth: 130 },
  { id: "fit", header: "Memory", cell: (m) => <FitBadge of={m.fit} />, value: (m) => m.fit.needBytes, minWidth: 190 },
  { id: "size", header: "File", cell: (m) => <Bytes count={m.sizeBytes} />, value: (m) => m.sizeBytes, minWidth: 100 },
  {
    id: "parameters",
    header: "Parameters",
    cell: (m) => parametersText(m.parameters),
    value: (m) => m.parameters,
    minWidth: 140,
  },
  {
    id: "quantization",
    header: "Quantization",
    cell: (m) => m.quantization || none,
    value: (m) => m.quantization,
    minWidth: 150,
  },
  {
    id: "context",
    header: "Context",
    cell: (m) => <Tokens count={m.contextLength || undefined} />,
    value: (m) => m.contextLength,
    minWidth: 105,
  },
  {
    id: "speed",
    header: "Tokens per second",
    cell: (m) => (m.tokensPerSecond === null ? none : m.tokensPerSecond.toFixed(1)),
    value: (m) => m.tokensPerSecond,
    minWidth: 120,
  },
  {
    id: "used",
    header: "Answers for",
    cell: (m) => m.usedFor.join(", ") || none,
    value: (m) => m.usedFor.join(" "),
    minWidth: 180,
  },
  { id: "added", header: "Added", cell: (m) => <Time at={m.addedAt} />, value: (m) => m.addedAt, hidden: true },
  { id: "source", header: "Source", cell: (m) => m.source || none, value: (m) => m.source, hidden: true },
  { id: "license", header: "Licence", cell: (m) => m.license || none, value: (m) => m.license, hidden: true },
];
