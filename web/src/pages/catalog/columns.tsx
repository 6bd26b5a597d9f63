import type { CatalogModel } from "@/api/outcrop.gen";
import { Copyable, Money, none, StatusBadge, Time, Tokens, type Column } from "@/components";
import { AnsweredBy } from "./answered-by";
import { nameOfServed } from "./served";
import { pathOfModel, To } from "./to";
import { kindOf, modalities, priceOf } from "./words";

const asNumber = (usd: string | undefined) => (usd === undefined ? undefined : Number(usd));
const known = (n: number) => (n === 0 ? undefined : n);

export const columns: readonly Column<CatalogModel>[] = [
  {
    id: "name",
    header: "Model",
    cell: (m) => <To path={pathOfModel(m.id)}>{m.name}</To>,
    value: (m) => m.name,
    main: true,
    minWidth: 170,
  },
  { id: "provider", header: "Provider", cell: (m) => m.provider, value: (m) => m.provider, minWidth: 125 },
  {
    id: "answered",
    header: "Answered by",
    cell: (m) => <AnsweredBy of={m} />,
    value: (m) => (m.servedBy ? `${nameOfServed(m.servedBy)}${m.servedBy.standIn ? " stand-in" : ""}` : undefined),
    minWidth: 180,
  },
  {
    id: "modality",
    header: "Input and output",
    cell: (m) => `${modalities(m.inputModalities)} → ${modalities(m.outputModalities)}`,
    value: (m) => `${modalities(m.inputModalities)} → ${modalities(m.outputModalities)}`,
    minWidth: 170,
  },
  {
    id: "context",
    header: "Context",
    cell: (m) => <Tokens count={known(m.contextWindow)} />,
    value: (m) => known(m.contextWindow),
    minWidth: 105,
  },
  {
    id: "input-price",
    header: "Input price",
    cell: (m) => <Money usd={priceOf(m, "input")} />,
    value: (m) => asNumber(priceOf(m, "input")),
    minWidth: 120,
  },
  {
    id: "output-price",
    header: "Output price",
    cell: (m) => <Money usd={priceOf(m, "output")} />,
    value: (m) => asNumber(priceOf(m, "output")),
    minWidth: 120,
  },
  {
    id: "lifecycle",
    header: "Lifecycle",
    cell: (m) => <StatusBadge status={m.lifecycle} {...(m.lifecycle === "EOL" ? { children: "End of life" } : {})} />,
    value: (m) => m.lifecycle,
    minWidth: 125,
  },
  { id: "id", header: "Model ID", cell: (m) => <Copyable text={m.id} />, value: (m) => m.id, minWidth: 260 },
  { id: "kind", header: "Task", cell: kindOf, value: kindOf, hidden: true },
  {
    id: "output",
    header: "Longest output",
    cell: (m) => <Tokens count={known(m.maxOutputTokens)} />,
    value: (m) => known(m.maxOutputTokens),
    hidden: true,
  },
  {
    id: "profiles",
    header: "Inference profiles",
    cell: (m) => (m.inferenceProfiles.length === 0 ? none : m.inferenceProfiles.join(", ")),
    value: (m) => m.inferenceProfiles.join(" "),
    hidden: true,
  },
  { id: "eol", header: "End of life", cell: (m) => <Time at={m.endOfLife} />, value: (m) => m.endOfLife, hidden: true },
];
