import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import type { ContentBlock } from "@/api/bedrock-runtime.gen";
import { CodeSample } from "@/components";
import { modelOf, path, type Column, type Conversation, type Message } from "./conversation";
import { converseInput, knowledgeInput } from "./request";
import { converseSamples, knowledgeSamples, withFiles, type Caller } from "./samples";

/** The most characters of a request that a browser shows without being held up. */
const longest = 200_000;

/** What would be sent next, or was sent last where nothing is written. */
function messagesOf(conversation: Conversation, column: Column, draft: readonly ContentBlock[]): Message[] {
  const said = conversation.mode === "single" && draft.length > 0 ? [] : path(column);
  if (draft.length === 0) {
    const asked = said.findLastIndex((message) => message.role === "user");
    if (asked >= 0) return said.slice(0, asked + 1);
  }
  const content: ContentBlock[] = draft.length === 0 ? [{ text: "Hello!" }] : [...draft];
  return [
    ...said,
    { id: "draft", parent: said.at(-1)?.id ?? "", turn: "draft", role: "user", content, at: conversation.updated },
  ];
}

/** The request as programs would send it. */
export default function RequestModal({
  conversation,
  draft,
  caller,
  onClose,
}: {
  conversation: Conversation;
  /** What is written, and outlines of what is attached. */
  draft: readonly ContentBlock[];
  caller: Caller & { apiKey: boolean };
  onClose: () => void;
}) {
  const { columns, knowledge } = conversation;
  const [chosen, setChosen] = useState(columns[0]?.id);
  const column = columns.find(({ id }) => id === chosen) ?? columns[0];
  const samples = useMemo(() => {
    if (!column) return [];
    const messages = messagesOf(conversation, column, draft);
    if (knowledge) return knowledgeSamples(knowledgeInput(conversation, column, messages), caller);
    const input = converseInput(conversation, column, messages);
    return JSON.stringify(withFiles(input).input).length > longest ? undefined : converseSamples(input, caller);
  }, [conversation, column, draft, caller, knowledge]);
  const options = columns.map((c, i) => ({ value: c.id, label: `${i + 1}. ${modelOf(c)}` }));
  return (
    <Modal visible size="large" header="API request" onDismiss={onClose}>
      <SpaceBetween size="m">
        <Box>
          {caller.apiKey ? (
            <>The API key is in AWS_BEARER_TOKEN_BEDROCK.</>
          ) : (
            <>
              Credentials are those of the environment: <Box variant="code">eval "$(outcrop env)"</Box> sets them on the
              server's machine. curl sends an API key to models, of{" "}
              <Box variant="code">outcrop keys create --user you --api-key</Box>, in AWS_BEARER_TOKEN_BEDROCK.
            </>
          )}{" "}
          Attachments are read from files.
        </Box>
        {options.length > 1 && (
          <Select
            options={options}
            selectedOption={options.find(({ value }) => value === column?.id) ?? null}
            onChange={({ detail }) => setChosen(detail.selectedOption.value)}
            ariaLabel="Model"
          />
        )}
        {samples ? (
          <CodeSample samples={samples} label="The request in several languages" />
        ) : (
          <Alert type="info">
            What was said is too long to be shown as a program. Attach long texts as documents: programs read those from
            files.
          </Alert>
        )}
      </SpaceBetween>
    </Modal>
  );
}
