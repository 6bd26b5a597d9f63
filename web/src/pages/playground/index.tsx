import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import LiveRegion from "@cloudscape-design/components/live-region";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useSearchParams } from "react-router";
import type { Catalog, CatalogDetail, CatalogModel, ModelAccess } from "@/api/outcrop.gen";
import { asServiceError, uniqueToken, useClient, useOperator, useRegion, type Client } from "@/client";
import { Loading, Page } from "@/components";
import { useSession } from "@/session/provider";
import { useNotify } from "@/shell/notifications";
import { useStored } from "@/shell/preferences";
import { attachedBefore, nothingBefore, outlineOf, type Attachment } from "./attachments";
import { ColumnView } from "./column";
import { Composer } from "./composer";
import { Configuration } from "./configuration";
import {
  empty,
  modelOf,
  mostColumns,
  newColumn,
  newConversation,
  path,
  type Column,
  type Conversation,
  type Mode,
} from "./conversation";
import { findModel, pricesOf } from "./cost";
import { choose, download } from "./download";
import { Engine } from "./engine";
import { openHistory, TooLarge, type History } from "./history";
import { identifierOf, missingAccess, talking } from "./models";
import { exportText, importText, largestFile, Malformed } from "./transfer";
import "./playground.css";

const HistoryModal = lazy(() => import("./history-modal"));
const RequestModal = lazy(() => import("./request-modal"));

/** Where one talks to models. */
export default function PlaygroundPage() {
  const session = useSession();
  const owner = session.principal.arn;
  const opened = useQuery({
    queryKey: ["playground", "history", owner],
    queryFn: () => openHistory(owner),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  });
  if (!opened.data) return <Loading />;
  return <Playground {...opened.data} apiKey={session.signIn === "apiKey"} />;
}

/** The page, with what was said before. */
export function Playground({
  history,
  kept,
  apiKey = false,
}: {
  history: History;
  /** Whether the browser keeps it. */
  kept: boolean;
  apiKey?: boolean;
}) {
  const [params] = useSearchParams();
  const [asked] = useState(() => params.get("chat"));
  const before = useQuery({
    queryKey: ["playground", "first", asked],
    queryFn: async () => {
      try {
        return (await history.get(asked ?? "")) ?? null;
      } catch {
        // What cannot be read any more is as good as gone.
        return null;
      }
    },
    enabled: asked !== null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  if (asked !== null && before.data === undefined) return <Loading />;
  return <Room history={history} kept={kept} apiKey={apiKey} first={before.data ?? undefined} />;
}

const none: readonly string[] = [];

/** A column for a model that an address names. */
function columnFor(identifier: string): Column {
  return newColumn(uniqueToken(), identifier);
}

function fromAddress(params: URLSearchParams): Conversation {
  const models = [...new Set(params.getAll("model").filter((model) => model !== ""))].slice(0, mostColumns);
  const fresh = newConversation(
    uniqueToken(),
    new Date().toISOString(),
    (models.length === 0 ? [""] : models).map(columnFor),
  );
  const base = params.get("knowledgeBase");
  return {
    ...fresh,
    mode: params.get("mode") === "single" ? "single" : "chat",
    ...(base ? { knowledge: { id: base, results: 5, search: "DEFAULT" as const } } : {}),
  };
}

/** Engines, the one that is shown among them. Those that are left stop, and what has come is kept. */
function useEngine(
  first: () => Conversation,
  history: History,
  keep: boolean,
  models: readonly CatalogModel[] | undefined,
) {
  const client = useClient();
  const notify = useNotify();
  const queries = useQueryClient();
  const now = useRef({ keep, models });
  useEffect(() => {
    now.current = { keep, models };
  }, [keep, models]);

  const make = useCallback(
    (conversation: Conversation): Engine => {
      let last: Promise<void> = Promise.resolve();
      const engine: Engine = new Engine(
        worldOf(client, () => now.current.models ?? [], changed),
        conversation,
      );
      async function keepAfter(before: Promise<void>): Promise<void> {
        await before;
        try {
          engine.kept(await history.put(engine.conversation(), uniqueToken()));
          await queries.invalidateQueries({ queryKey: ["playground", "entries"] });
        } catch (thrown) {
          const why =
            thrown instanceof TooLarge
              ? "It is too large. Export it if you need it."
              : `The browser refuses it: ${asServiceError(thrown).message}`;
          notify.warning(`The conversation is not kept. ${why}`, "playground-kept");
        }
      }
      function changed(): void {
        if (now.current.keep) last = keepAfter(last);
      }
      return engine;
    },
    [client, history, notify, queries],
  );
  // oxlint-disable-next-line react/refs -- what is read of it is read when something is said
  const [engine, setEngine] = useState(() => make(first()));
  const open = useCallback(
    (conversation: Conversation) =>
      setEngine((was) => {
        was.stop();
        return make(conversation);
      }),
    [make],
  );
  useEffect(() => () => engine.stop(), [engine]);
  return { engine, open };
}

function worldOf(client: Client, models: () => readonly CatalogModel[], changed: () => void) {
  return {
    client,
    prices: (model: string) => pricesOf(models(), model),
    newId: uniqueToken,
    now: () => new Date(),
    clock: () => performance.now(),
    changed,
  };
}

function Room({
  history,
  kept,
  apiKey,
  first,
}: {
  history: History;
  kept: boolean;
  apiKey: boolean;
  first: Conversation | undefined;
}) {
  const [params, setParams] = useSearchParams();
  const region = useRegion();
  const client = useClient();
  const notify = useNotify();
  const catalog = useOperator<Catalog>("catalog");
  const models = catalog.data?.models;
  const access = useOperator<ModelAccess>("model-access");
  // Who may not see what the account has access to finds out by asking.
  const missing = useMemo(() => missingAccess(access.data), [access.data]);
  const known = !access.isPending;
  const [keep, setKeep] = useStored("playground.keep", true);
  const [lastModel, setLastModel] = useStored("playground.model", "");
  const beside = useStored("playground.configuration", true);
  // Three models need the room.
  const besideThree = useStored("playground.configuration.three", false);
  const [plain, setPlain] = useStored("playground.plain", false);
  const { engine, open: openEngine } = useEngine(() => first ?? fromAddress(params), history, keep, models);
  const conversation = useSyncExternalStore(engine.subscribe, engine.conversation);
  const lives = useSyncExternalStore(engine.subscribe, engine.lives);
  const [text, setText] = useState("");
  const [attached, setAttached] = useState<readonly Attachment[]>([]);
  const [shown, setShown] = useState<"history" | "request">();
  const { columns, mode, knowledge } = conversation;
  const [configured, setConfigured] = columns.length < mostColumns ? beside : besideThree;
  const open = (chosen: Conversation) => {
    openEngine(chosen);
    setAttached([]);
  };

  // The first model is the one of the last time, or else the best that is here. It is not known before the catalog is.
  useEffect(() => {
    if (!models || !known) return;
    const served = talking(models).filter((model) => model.servedBy);
    const usable = served.filter((model) => !missing.has(model.id));
    const best = usable.find((model) => model.id === lastModel) ?? usable[0] ?? served[0];
    for (const column of columns) {
      const named = findModel(models, column.model);
      const model = column.model === "" ? best : named;
      if (!model || (column.model === model.id && (column.settings.calledAs || identifierOf(model) === model.id)))
        continue;
      // What an address calls a model by, a profile or an ARN, is what it stays called by.
      const calledAs = column.model === "" || column.model === model.id ? identifierOf(model) : column.model;
      engine.changeColumn(column.id, {
        model: model.id,
        settings: { ...column.settings, ...(calledAs === model.id ? {} : { calledAs }) },
      });
    }
  }, [models, known, missing, columns, engine, lastModel]);

  // The address opens the same again.
  const address = useMemo(() => {
    const next = new URLSearchParams();
    if (conversation.revision > 0) next.set("chat", conversation.id);
    for (const model of columns.map(modelOf)) if (model !== "") next.append("model", model);
    if (mode === "single") next.set("mode", "single");
    if (knowledge) next.set("knowledgeBase", knowledge.id);
    return next.toString();
  }, [conversation.id, conversation.revision, columns, mode, knowledge]);
  useEffect(() => {
    setParams(
      (was) => {
        const next = new URLSearchParams(address);
        const at = was.get("region");
        if (at) next.set("region", at);
        return next;
      },
      { replace: true },
    );
  }, [address, setParams]);

  const begin = () => {
    const fresh = newConversation(uniqueToken(), new Date().toISOString(), []);
    const { system, tools, toolChoice } = conversation;
    open({
      ...fresh,
      mode,
      system,
      tools,
      toolChoice,
      ...(knowledge ? { knowledge } : {}),
      columns: columns.map(({ model, settings }) => newColumn(uniqueToken(), model, settings)),
    });
    setText("");
  };

  const load = async () => {
    const file = await choose(".json,application/json");
    if (!file) return;
    try {
      if (file.size > largestFile) throw new Malformed("The file is too large.");
      const read = importText(await file.text(), uniqueToken);
      const stored: Conversation[] = [];
      for (const one of read) stored.push(await history.put(one, uniqueToken()));
      const [only] = stored;
      setShown(undefined);
      if (only) open(only);
      notify.success(
        stored.length === 1 ? "1 conversation was imported." : `${stored.length} conversations were imported.`,
      );
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      notify.error(`${file.name}: ${why}`, "Nothing was imported");
    }
  };

  const before = useMemo(
    () =>
      mode === "single"
        ? nothingBefore
        : attachedBefore(columns.map((column) => path(column).flatMap((message) => message.content))),
    [columns, mode],
  );
  // The list of models does not say so of each.
  const ids = columns.map(({ model }) => model).filter((id) => findModel(models ?? [], id));
  const refusing = useQuery({
    queryKey: ["playground", "refusing", region, ids],
    queryFn: async () => {
      const found = await Promise.all(
        ids.map((id) => client.operator<CatalogDetail>("GET", `catalog/${encodeURIComponent(id)}`)),
      );
      return found.filter(({ supports }) => supports.documents === false).map(({ name }) => name);
    },
    enabled: attached.length > 0,
  });
  // What is attached, as it will be sent.
  const asText = refusing.data !== undefined && refusing.data.length > 0;
  const draft = useMemo(() => {
    const given = knowledge ? [] : attached.filter(({ error }) => error === undefined);
    const long = given.flatMap(({ pasted }) => (asText && pasted !== undefined ? [{ text: pasted }] : []));
    const files = given.filter(({ pasted }) => !asText || pasted === undefined).map(({ file }) => file);
    return [...outlineOf(files, before.names), ...long, ...(text.trim() === "" ? [] : [{ text }])];
  }, [attached, asText, before, text, knowledge]);
  const caller = useMemo(() => ({ endpoint: window.location.origin, region, apiKey }), [region, apiKey]);
  const busy = lives.size > 0;
  return (
    <Page
      title="Playground"
      description="Talk to models, compare them, and take the request into your program."
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <SegmentedControl
            label="Mode"
            selectedId={mode}
            options={[
              { id: "chat", text: "Chat" },
              { id: "single", text: "Single prompt" },
            ]}
            onChange={({ detail }) => engine.change({ mode: detail.selectedId as Mode })}
          />
          <Button iconName="add-plus" disabled={columns.length >= mostColumns} onClick={() => engine.addColumn("")}>
            Compare
          </Button>
          <Button onClick={() => setConfigured(!configured)} iconName="settings" ariaExpanded={configured}>
            Configuration
          </Button>
          <ButtonDropdown
            items={[
              { id: "request", text: "View API request" },
              { id: "history", text: "History" },
              { id: "export", text: "Export", disabled: empty(conversation) },
              { id: "import", text: "Import" },
              { id: "plain", text: "Show replies as text", itemType: "checkbox", checked: plain },
            ]}
            onItemClick={({ detail }) => {
              switch (detail.id) {
                case "export":
                  return download("outcrop-playground.json", exportText([conversation]));
                case "import":
                  return void load();
                case "plain":
                  return setPlain(!plain);
                default:
                  return setShown(detail.id as typeof shown);
              }
            }}
            expandToViewport
          >
            Actions
          </ButtonDropdown>
          <Button variant="primary" onClick={begin} disabled={empty(conversation) && text === ""}>
            New {mode === "single" ? "prompt" : "chat"}
          </Button>
        </SpaceBetween>
      }
    >
      <div className={configured ? "playground playground-with-configuration" : "playground"}>
        <div className="playground-main">
          <div className="playground-columns" data-count={columns.length}>
            {columns.map((column) => (
              <ColumnView
                key={column.id}
                engine={engine}
                conversation={conversation}
                column={column}
                live={lives.get(column.id)}
                catalog={catalog}
                missing={missing}
                plain={plain}
                onPrompt={setText}
              />
            ))}
          </div>
          <Composer
            key={conversation.created}
            mode={mode}
            text={text}
            onText={setText}
            attached={attached}
            onAttached={setAttached}
            before={before}
            refusing={refusing.data ?? none}
            files={knowledge === undefined}
            busy={busy}
            ready={columns.some(({ model }) => model !== "")}
            onSend={(content) => {
              setLastModel(columns[0]?.model ?? "");
              engine.send(content);
            }}
            onStop={() => engine.stop()}
          />
          <LiveRegion hidden>
            {busy ? "The reply comes" : empty(conversation) ? "" : "The reply is complete"}
          </LiveRegion>
        </div>
        {configured && (
          <aside className="playground-configuration" aria-label="Configuration">
            <Configuration
              engine={engine}
              conversation={conversation}
              models={models ?? []}
              onClose={() => setConfigured(false)}
            />
          </aside>
        )}
      </div>
      <Suspense>
        {shown === "history" && (
          <HistoryModal
            history={history}
            kept={kept}
            keep={keep}
            onKeep={setKeep}
            onOpen={(chosen) => {
              open(chosen);
              setShown(undefined);
            }}
            onImport={() => void load()}
            onClose={() => setShown(undefined)}
          />
        )}
        {shown === "request" && (
          <RequestModal conversation={conversation} draft={draft} caller={caller} onClose={() => setShown(undefined)} />
        )}
      </Suspense>
    </Page>
  );
}
