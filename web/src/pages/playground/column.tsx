import SupportPromptGroup from "@cloudscape-design/chat-components/support-prompt-group";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import type { CatalogModel } from "@/api/outcrop.gen";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ServiceError } from "@/client";
import { InnerLink, StatusBadge } from "@/components";
import { path, type Column, type Conversation } from "./conversation";
import { findModel } from "./cost";
import { waiting, type Engine } from "./engine";
import type { LiveReply } from "./live";
import { MessageView } from "./message";
import { answeredBy, identifierOf, modelOptions, searched, type Missing } from "./models";

const prompts = [
  { id: "explain", text: "Explain to a ten-year-old why the sky is blue." },
  { id: "code", text: "Write a function in Go that reverses a linked list, and explain it." },
  { id: "table", text: "Compare three ways to store dates in a database, as a table." },
];

/** One model and its conversation. */
export function ColumnView({
  engine,
  conversation,
  column,
  live,
  catalog,
  missing,
  plain,
  onPrompt,
}: {
  engine: Engine;
  conversation: Conversation;
  column: Column;
  live: LiveReply | undefined;
  catalog: UseQueryResult<{ models: CatalogModel[] }, ServiceError>;
  /** What the account has no access to. */
  missing: Missing;
  plain: boolean;
  onPrompt: (text: string) => void;
}) {
  const messages = useMemo(() => path(column), [column]);
  const calls = useMemo(() => waiting(conversation, column), [conversation, column]);
  const model = findModel(catalog.data?.models ?? [], column.model);
  const name = model?.name ?? column.model;
  const lack = missing.get(model?.id ?? "");
  const many = conversation.columns.length > 1;
  return (
    <section className="playground-column" aria-label={name === "" ? "No model" : name}>
      <div className="playground-model">
        <div>
          <ModelSelect engine={engine} column={column} catalog={catalog} missing={missing} model={model} />
        </div>
        {many && (
          <Button
            variant="icon"
            iconName="close"
            ariaLabel={`Remove ${name === "" ? "this model" : name}`}
            onClick={() => engine.removeColumn(column.id)}
          />
        )}
      </div>
      {model && (!model.servedBy?.available || model.servedBy.standIn) && (
        <StatusBadge status="info" type={model.servedBy?.available ? "info" : "warning"}>
          {answeredBy(model)}
        </StatusBadge>
      )}
      {model && lack && (
        <StatusIndicator type="warning">
          {lack}. <InnerLink to={`/model-access?model=${encodeURIComponent(model.id)}`}>Go to Model access</InnerLink>
        </StatusIndicator>
      )}
      <Scroller label={`Conversation with ${name}`}>
        {messages.map((message, i) => {
          const last = i === messages.length - 1;
          return (
            <MessageView
              key={message.id}
              engine={engine}
              column={column}
              message={message}
              live={live?.messageId === message.id ? live : undefined}
              busy={live !== undefined}
              calls={last ? calls : noCalls}
              plain={plain}
            />
          );
        })}
        {messages.length === 0 && (
          <div className="playground-empty">
            <Box textAlign="center" color="text-body-secondary" padding="m">
              {column.model === "" ? "Choose a model to begin." : "Send a prompt to see what the model answers."}
            </Box>
            {column.model !== "" && !many && conversation.mode === "chat" && !conversation.knowledge && (
              <SupportPromptGroup
                ariaLabel="Prompts to begin with"
                alignment="vertical"
                items={prompts}
                onItemClick={({ detail }) => onPrompt(prompts.find((p) => p.id === detail.id)?.text ?? "")}
              />
            )}
          </div>
        )}
      </Scroller>
    </section>
  );
}

const noCalls: readonly never[] = [];

function ModelSelect({
  engine,
  column,
  catalog,
  missing,
  model,
}: {
  engine: Engine;
  column: Column;
  catalog: UseQueryResult<{ models: CatalogModel[] }, ServiceError>;
  missing: Missing;
  model: CatalogModel | undefined;
}) {
  const [search, setSearch] = useState("");
  const all = useMemo(() => modelOptions(catalog.data?.models ?? [], missing), [catalog.data, missing]);
  const options = useMemo(() => searched(all, search), [all, search]);
  const selected = model
    ? { value: model.id, label: model.name }
    : column.model === ""
      ? null
      : { value: column.model, label: column.model };
  return (
    <Select
      options={options}
      selectedOption={selected}
      onChange={({ detail }) => {
        const chosen = catalog.data?.models.find((m) => m.id === detail.selectedOption.value);
        if (!chosen) return;
        const { calledAs: _, ...settings } = column.settings;
        const identifier = identifierOf(chosen);
        engine.changeColumn(column.id, {
          model: chosen.id,
          settings: { ...settings, ...(identifier === chosen.id ? {} : { calledAs: identifier }) },
        });
      }}
      filteringType="manual"
      filteringAriaLabel="Find a model"
      filteringPlaceholder="Find a model by name, ID or provider"
      ariaLabel="Model"
      placeholder="Choose a model"
      virtualScroll
      expandToViewport
      statusType={catalog.isPending ? "loading" : catalog.error ? "error" : "finished"}
      loadingText="Loading models"
      errorText={catalog.error ? `${catalog.error.code}: ${catalog.error.message}` : ""}
      recoveryText="Try again"
      onLoadItems={({ detail }) => {
        setSearch(detail.filteringText);
        if (catalog.error && detail.samePage) void catalog.refetch();
      }}
      empty={search === "" ? "No model here can be talked to" : "No model has what you search for"}
    />
  );
}

/** Stays at its end while it grows, unless somebody has gone up to read. */
function Scroller({ label, children }: { label: string; children: ReactNode }) {
  const outer = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    const [box, content] = [outer.current, inner.current];
    if (!box || !content) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) box.scrollTop = box.scrollHeight;
    });
    observer.observe(content);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const box = outer.current;
    if (!box) return;
    const scrolled = () => {
      atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
    };
    box.addEventListener("scroll", scrolled, { passive: true });
    return () => box.removeEventListener("scroll", scrolled);
  }, []);
  return (
    <div ref={outer} className="playground-scroller" role="log" aria-live="off" aria-label={label} tabIndex={0}>
      <div ref={inner} className="playground-messages">
        {children}
      </div>
    </div>
  );
}
