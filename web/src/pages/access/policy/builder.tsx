import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import Multiselect, { type MultiselectProps } from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { ListFoundationModels } from "@/api/bedrock.gen";
import { regions, placeOf } from "@/api/regions";
import { GetCallerIdentity } from "@/api/sts.gen";
import { useCall, useRegion } from "@/client";
import { manyOptions } from "../links";
import { buildPolicy, type Permission } from "./build";
import { longest, sizeOf } from "./check";
import { PolicyView } from "./editor";

const regionOptions: MultiselectProps.OptionGroup[] = regions.map(({ group, regions: of }) => ({
  label: group,
  options: of.map(([code, place]) => ({ value: code, label: place, description: code, filteringTags: [code] })),
}));

/** "May use these models in these regions", as a policy. */
export function BuilderModal({
  onBuilt,
  onClose,
  replaces,
}: {
  onBuilt: (policy: string) => void;
  onClose: () => void;
  replaces: boolean;
}) {
  const region = useRegion();
  const models = useCall(ListFoundationModels, {});
  const caller = useCall(GetCallerIdentity, {});
  const [permission, set] = useState<Permission>({
    models: [],
    regions: [region],
    whole: true,
    streaming: true,
    profiles: true,
    lists: true,
  });
  const change = (part: Partial<Permission>) => set((was) => ({ ...was, ...part }));
  const modelOptions = useMemo(() => {
    const byProvider = new Map<string, MultiselectProps.Option[]>();
    for (const { modelId, modelName, providerName } of models.data?.modelSummaries ?? []) {
      const provider = providerName ?? "Others";
      const options = byProvider.get(provider) ?? [];
      options.push({ value: modelId, label: modelName ?? modelId, description: modelId, filteringTags: [modelId] });
      byProvider.set(provider, options);
    }
    return [...byProvider].toSorted(([a], [b]) => a.localeCompare(b)).map(([label, options]) => ({ label, options }));
  }, [models.data]);
  const options = modelOptions.flatMap((group) => group.options);
  const account = caller.data?.Account ?? "*";
  const nothing = !permission.whole && !permission.streaming && !permission.lists;
  const policy = buildPolicy(permission, account);
  const size = sizeOf(policy);
  return (
    <Modal
      visible
      size="large"
      header="May use these models in these regions"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" disabled={nothing} onClick={() => onBuilt(policy)}>
              {replaces ? "Replace the policy" : "Write the policy"}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <FormField
          label="Models"
          description="None chosen: all models, also those that come later."
          errorText={models.error ? `The models cannot be listed: ${models.error.message}` : undefined}
        >
          <Multiselect
            selectedOptions={permission.models.map(
              (id) => options.find((o) => o.value === id) ?? { value: id, label: id },
            )}
            options={modelOptions}
            onChange={({ detail }) => change({ models: detail.selectedOptions.map((o) => o.value ?? "") })}
            filteringType="auto"
            placeholder="All models"
            virtualScroll={manyOptions(options)}
            statusType={models.isPending ? "loading" : "finished"}
            loadingText="Loading models"
            tokenLimit={6}
          />
        </FormField>
        <FormField label="Regions" description="None chosen: all regions.">
          <Multiselect
            selectedOptions={permission.regions.map((code) => ({
              value: code,
              label: placeOf(code),
              description: code,
            }))}
            options={regionOptions}
            onChange={({ detail }) => change({ regions: detail.selectedOptions.map((o) => o.value ?? "") })}
            filteringType="auto"
            placeholder="All regions"
            tokenLimit={6}
          />
        </FormField>
        <FormField label="How">
          <SpaceBetween size="xs">
            <Checkbox checked={permission.whole} onChange={({ detail }) => change({ whole: detail.checked })}>
              Whole answers (Converse, InvokeModel)
            </Checkbox>
            <Checkbox checked={permission.streaming} onChange={({ detail }) => change({ streaming: detail.checked })}>
              Streams (ConverseStream, InvokeModelWithResponseStream)
            </Checkbox>
            <Checkbox
              checked={permission.profiles}
              onChange={({ detail }) => change({ profiles: detail.checked })}
              description="Profiles such as us.… and global.… answer in any region that they lead to."
            >
              Through inference profiles as well
            </Checkbox>
            <Checkbox checked={permission.lists} onChange={({ detail }) => change({ lists: detail.checked })}>
              See which models and profiles there are
            </Checkbox>
          </SpaceBetween>
        </FormField>
        {size > longest.managed && (
          <Alert type="warning">
            These are {size.toLocaleString()} characters, and a policy may have {longest.managed.toLocaleString()}.
            Choose fewer models or regions, or all of them.
          </Alert>
        )}
        {nothing ? (
          <Alert type="info">Choose what is allowed.</Alert>
        ) : (
          <PolicyView text={policy} label="The policy that is written" />
        )}
      </SpaceBetween>
    </Modal>
  );
}
