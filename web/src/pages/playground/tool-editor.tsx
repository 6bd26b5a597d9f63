import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { jsonError, JsonEditor } from "@/components";
import type { Tool } from "./conversation";
import { nameFault, schemaFault } from "./tools";

/** A tool: what the model is told of it, and what it answers. */
export function ToolEditor({
  tool: given,
  others,
  onSave,
  onCancel,
}: {
  tool: Tool;
  others: readonly Tool[];
  onSave: (tool: Tool) => void;
  onCancel: () => void;
}) {
  const [tool, setTool] = useState(given);
  const set = (change: Partial<Tool>) => setTool((was) => ({ ...was, ...change }));
  const wrongName = nameFault(tool.name, others);
  const wrong = wrongName ?? jsonError(tool.schema) ?? schemaFault(JSON.parse(tool.schema));
  return (
    <Modal
      visible
      size="large"
      header="Tool"
      onDismiss={onCancel}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onCancel}>
              Cancel
            </Button>
            <Button variant="primary" disabled={wrong !== undefined} onClick={() => onSave(tool)}>
              Save
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
        <FormField label="Name" errorText={wrongName} stretch>
          <Input value={tool.name} onChange={({ detail }) => set({ name: detail.value })} spellcheck={false} />
        </FormField>
        <FormField label="Description" description="Tells the model when to call it." stretch>
          <Textarea value={tool.description} onChange={({ detail }) => set({ description: detail.value })} rows={2} />
        </FormField>
        <JsonEditor
          label="Input schema"
          description="A JSON schema of an object."
          value={tool.schema}
          onChange={(schema) => set({ schema })}
          check={schemaFault}
          rows={12}
        />
        <FormField label="Mock result" description="What the tool answers, as JSON or text. Nothing is run." stretch>
          <Textarea
            value={tool.mock}
            onChange={({ detail }) => set({ mock: detail.value })}
            rows={5}
            spellcheck={false}
          />
        </FormField>
        <Toggle
          checked={tool.automatic}
          onChange={({ detail }) => set({ automatic: detail.checked })}
          description="Otherwise you are asked each time, and this is what the answer begins with."
        >
          Answer with this by itself
        </Toggle>
      </SpaceBetween>
    </Modal>
  );
}
