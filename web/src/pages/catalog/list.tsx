import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";
import { useMemo } from "react";
import { useSearchParams } from "react-router";
import type { Catalog } from "@/api/outcrop.gen";
import { useOperator, useRegion } from "@/client";
import { Empty, Page, ResourceTable } from "@/components";
import { columns } from "./columns";
import { choices, filters, narrowed } from "./filters";
import "./catalog.css";

/** All models that can be asked for in the region. */
export function CatalogList() {
  const region = useRegion();
  const catalog = useOperator<Catalog>("catalog");
  const [params, setParams] = useSearchParams();
  const models = catalog.data?.models;
  const shown = useMemo(() => models && narrowed(models, params), [models, params]);
  const narrow = filters.some(({ id }) => params.has(id));
  const choose = (id: string, value: string) =>
    setParams(
      (was) => {
        const next = new URLSearchParams(was);
        if (value === "") next.delete(id);
        else next.set(id, value);
        return next;
      },
      { replace: true },
    );
  const clear = () => setParams({}, { replace: true });
  return (
    <Page
      title="Model catalog"
      description={`The models that can be asked for in ${region}, and who answers for them.`}
    >
      <ResourceTable
        id="catalog"
        title="Models"
        items={shown}
        loading={catalog.isPending}
        error={catalog.error}
        retry={() => void catalog.refetch()}
        what="see the model catalog"
        columns={columns}
        trackBy={(model) => model.id}
        filterPlaceholder="Find models by name, provider, ID or who answers"
        sort="provider"
        empty={
          narrow ? (
            <Empty title="No models have all of these" action={<Button onClick={clear}>Clear the filters</Button>} />
          ) : (
            <Empty title="No models">{`Nothing is offered in ${region}. Choose another region at the top.`}</Empty>
          )
        }
        filters={
          <div className="catalog-filters">
            {filters.map((filter) => {
              const options = [{ value: "", label: filter.any }, ...choices(filter, models ?? [])];
              const value = params.get(filter.id) ?? "";
              return (
                <Select
                  key={filter.id}
                  ariaLabel={filter.label}
                  options={options}
                  selectedOption={options.find((o) => o.value === value) ?? { value, label: filter.text(value) }}
                  onChange={({ detail }) => choose(filter.id, detail.selectedOption.value ?? "")}
                  expandToViewport
                />
              );
            })}
            {narrow && <Button onClick={clear}>Clear filters</Button>}
          </div>
        }
      />
    </Page>
  );
}
