import type { CatalogModel } from "@/api/outcrop.gen";
import { words } from "@/components";
import { placeOf } from "./served";
import { kindOf } from "./words";

interface Filter {
  /** The parameter of the address. */
  id: string;
  label: string;
  any: string;
  /** All values of a model. */
  values: (model: CatalogModel) => readonly string[];
  /** How a value is written. */
  text: (value: string) => string;
}

const places: { [place: string]: string } = {
  local: "Local: the engine inside",
  remote: "Remote: another backend",
  "stand-in": "Stand-ins",
  nobody: "Nobody",
};

/** What a list of models can be narrowed by. */
export const filters: readonly Filter[] = [
  {
    id: "provider",
    label: "Provider",
    any: "Any provider",
    values: (model) => [model.provider],
    text: (value) => value,
  },
  {
    id: "kind",
    label: "Task",
    any: "Any task",
    values: (model) => [model.kind],
    text: (kind) => kindOf({ kind }),
  },
  {
    id: "input",
    label: "Input",
    any: "Any input",
    values: (model) => model.inputModalities,
    text: words,
  },
  {
    id: "lifecycle",
    label: "Lifecycle",
    any: "Any lifecycle",
    values: (model) => [model.lifecycle],
    text: (value) => (value === "EOL" ? "End of life" : words(value)),
  },
  {
    id: "answered",
    label: "Answered by",
    any: "Answered by anybody",
    values: (model) => [placeOf(model), ...(model.servedBy?.standIn ? ["stand-in"] : [])],
    text: (value) => places[value] ?? value,
  },
];

/** The values of a filter that some of the models have, in the order of their text. */
export function choices(filter: Filter, models: readonly CatalogModel[]): { value: string; label: string }[] {
  const values = new Set(models.flatMap((model) => filter.values(model)));
  return [...values]
    .map((value) => ({ value, label: filter.text(value) }))
    .toSorted((a, b) => a.label.localeCompare(b.label));
}

/** The models that an address asks for. */
export function narrowed(models: readonly CatalogModel[], params: URLSearchParams): CatalogModel[] {
  const asked = filters.flatMap((filter) => {
    const value = params.get(filter.id);
    return value === null ? [] : [{ filter, value }];
  });
  return models.filter((model) => asked.every(({ filter, value }) => filter.values(model).includes(value)));
}
