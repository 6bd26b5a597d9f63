import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import LiveRegion from "@cloudscape-design/components/live-region";
import PromptInput from "@cloudscape-design/components/prompt-input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import { useEffect, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { Retrieve, RetrieveAndGenerateStream } from "@/api/bedrock-agent-runtime.gen";
import { ListDataSources, ListKnowledgeBaseDocuments, type KnowledgeBase } from "@/api/bedrock-agent.gen";
import { aborted, asServiceError, useAll, useCall, useClient, useRegion, type ServiceError } from "@/client";
import { CodeSample, duration, Empty, Failed, SafeMarkdown } from "@/components";
import { useStored } from "@/shell/preferences";
import { marked, noAnswer, passageOf, pieces, withEvent, type Answer, type Passage } from "./answer";
import { samples } from "./code";
import { fileName } from "./files";
import { defaultChat, pick, useCatalog } from "./models";
import { PassageDialog } from "./passage";
import { generateInput, mostCharacters, noOptions, problemsOf, retrieveInput, type Options } from "./question";
import { TestOptions } from "./test-options";

/** A question and what came of it. */
interface Turn {
  id: number;
  question: string;
  generate: boolean;
  state: "running" | "done" | "stopped" | "failed";
  answer: Answer;
  /** Of a search alone. */
  found?: readonly Passage[] | undefined;
  error?: ServiceError | undefined;
  ms?: number | undefined;
}

/** The passages that somebody looks at. */
interface Look {
  passages: readonly Passage[];
  at: number;
  said: string;
}

/** Asks a base, or searches it. */
export function Test({ base }: { base: KnowledgeBase }) {
  const client = useClient();
  const region = useRegion();
  const catalog = useCatalog();
  const [search, setSearch] = useSearchParams();
  const generate = search.get("mode") !== "retrieve";
  const [kept, keep] = useStored<Pick<Options, "model" | "search" | "results">>("kb.test", {
    model: "",
    search: "",
    results: "",
  });
  const [options, setOptions] = useState<Options>({ ...noOptions, ...kept });
  const [question, setQuestion] = useState("");
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [session, setSession] = useState<string>();
  const [look, setLook] = useState<Look>();
  const running = useRef<AbortController>(undefined);
  const count = useRef(0);
  const model = pick(catalog.data?.models, "text", defaultChat);
  const busy = turns.some((t) => t.state === "running");
  const wrong = Object.values(problemsOf(options, generate))[0];
  const most = generate ? mostCharacters.generate : mostCharacters.retrieve;
  const tooLong = Array.from(question).length > most;

  // Who leaves wants no more of the answer.
  useEffect(() => () => running.current?.abort(), []);

  const change = (id: number, to: (was: Turn) => Turn) =>
    setTurns((was) => was.map((turn) => (turn.id === id ? to(turn) : turn)));

  const ask = async () => {
    const text = question.trim();
    if (text === "" || busy || wrong !== undefined || tooLong) return;
    const id = ++count.current;
    const controller = new AbortController();
    running.current = controller;
    const begun = performance.now();
    setQuestion("");
    setTurns((was) => [...was, { id, question: text, generate, state: "running", answer: noAnswer }]);
    const { signal } = controller;
    try {
      if (generate) {
        const input = generateInput(base.knowledgeBaseId, text, options, { region, model, session });
        const { output, events } = await client.stream(RetrieveAndGenerateStream, input, { signal });
        if (output.sessionId) setSession(output.sessionId);
        for await (const event of events) change(id, (t) => ({ ...t, answer: withEvent(t.answer, event) }));
      } else {
        const input = retrieveInput(base.knowledgeBaseId, text, options, region);
        const { retrievalResults } = await client.call(Retrieve, input, { signal });
        change(id, (t) => ({ ...t, found: retrievalResults.map(passageOf) }));
      }
      change(id, (t) => ({ ...t, state: "done", ms: performance.now() - begun }));
    } catch (thrown) {
      if (aborted(thrown) || signal.aborted) return change(id, (t) => ({ ...t, state: "stopped" }));
      const error = asServiceError(thrown);
      // A session that has ended must not be in the way of the next question.
      if (session && /session/i.test(error.message)) setSession(undefined);
      change(id, (t) => ({ ...t, state: "failed", error }));
    }
  };

  const anew = () => {
    running.current?.abort();
    setTurns([]);
    setSession(undefined);
  };

  return (
    <div className="kb-test">
      <Container
        header={
          <Header
            variant="h2"
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <SegmentedControl
                  label="Mode"
                  selectedId={generate ? "generate" : "retrieve"}
                  options={[
                    { id: "generate", text: "Answer" },
                    { id: "retrieve", text: "Passages only" },
                  ]}
                  onChange={({ detail }) =>
                    setSearch(detail.selectedId === "retrieve" ? { mode: "retrieve" } : {}, { replace: true })
                  }
                />
                <Button iconName="refresh" ariaLabel="New conversation" onClick={anew} disabled={turns.length === 0} />
              </SpaceBetween>
            }
          >
            Test
          </Header>
        }
      >
        <SpaceBetween size="l">
          {turns.length === 0 && <Hint base={base} generate={generate} />}
          {turns.map((turn) => (
            <TurnView
              key={turn.id}
              turn={turn}
              onLook={setLook}
              onRetry={() => {
                setQuestion(turn.question);
                setTurns((was) => was.filter((t) => t.id !== turn.id));
              }}
              base={base}
            />
          ))}
          <SpaceBetween size="xxs">
            <PromptInput
              value={question}
              onChange={({ detail }) => setQuestion(detail.value)}
              onAction={() => (busy ? running.current?.abort() : void ask())}
              placeholder={generate ? "Ask a question about the documents" : "Search the documents"}
              ariaLabel={generate ? "Question" : "Search"}
              actionButtonAriaLabel={busy ? "Stop" : generate ? "Ask" : "Search"}
              actionButtonIconName={busy ? "status-negative" : "send"}
              disableActionButton={!busy && (question.trim() === "" || wrong !== undefined || tooLong)}
              invalid={tooLong}
              minRows={2}
              maxRows={8}
              autoFocus
            />
            {tooLong && (
              <Box color="text-status-error" variant="small">
                A question may have {most.toLocaleString()} characters, and this one has{" "}
                {Array.from(question).length.toLocaleString()}.
              </Box>
            )}
            {wrong !== undefined && (
              <Box color="text-status-error" variant="small">
                One of the options cannot be used: {wrong}
              </Box>
            )}
          </SpaceBetween>
        </SpaceBetween>
      </Container>
      <SpaceBetween size="m">
        <Container header={<Header variant="h2">Options</Header>}>
          <TestOptions
            value={options}
            model={model}
            generate={generate}
            onChange={(to) => {
              const next = { ...options, ...to };
              setOptions(next);
              keep({ model: next.model, search: next.search, results: next.results });
            }}
          />
        </Container>
        <ExpandableSection headerText="Code" variant="container">
          <CodeSample
            samples={samples(
              generate,
              generate
                ? generateInput(base.knowledgeBaseId, question.trim() || "…", options, { region, model })
                : retrieveInput(base.knowledgeBaseId, question.trim() || "…", options, region),
            )}
          />
        </ExpandableSection>
      </SpaceBetween>
      {look && <PassageDialog {...look} onGo={(at) => setLook({ ...look, at })} onClose={() => setLook(undefined)} />}
    </div>
  );
}

function TurnView({
  turn,
  base,
  onLook,
  onRetry,
}: {
  turn: Turn;
  base: KnowledgeBase;
  onLook: (look: Look) => void;
  onRetry: () => void;
}) {
  const { answer } = turn;
  const running = turn.state === "running";
  const nothing = turn.state === "done" && (turn.generate ? answer.passages.length === 0 : turn.found?.length === 0);
  return (
    <SpaceBetween size="s">
      <p className="kb-question">{turn.question}</p>
      {running && answer.text === "" && (
        <Box color="text-body-secondary">
          <Spinner /> {turn.generate ? "Searching the documents and writing" : "Searching"}
        </Box>
      )}
      {answer.text !== "" && (
        <div aria-busy={running}>
          <SafeMarkdown
            text={marked(answer)}
            mark={(n) => {
              const part = answer.parts[n];
              return part?.passages.map((at) => (
                <button
                  key={at}
                  type="button"
                  className="kb-mark"
                  aria-label={`Source ${at + 1}: ${titleOf(answer.passages[at])}`}
                  title={titleOf(answer.passages[at])}
                  onClick={() => onLook({ passages: answer.passages, at, said: part.text })}
                >
                  [{at + 1}]
                </button>
              ));
            }}
          />
        </div>
      )}
      {answer.passages.length > 0 && (
        <div>
          <Box variant="h4" padding="n">
            Sources
          </Box>
          <SpaceBetween size="xxs">
            {answer.passages.map((passage, at) => (
              <Button
                key={passage.id}
                variant="inline-link"
                onClick={() =>
                  onLook({
                    passages: answer.passages,
                    at,
                    said: answer.parts
                      .filter((p) => p.passages.includes(at))
                      .map((p) => p.text)
                      .join(" "),
                  })
                }
              >
                {`[${at + 1}] ${titleOf(passage)}`}
              </Button>
            ))}
          </SpaceBetween>
        </div>
      )}
      {turn.found && turn.found.length > 0 && <Found turn={turn} found={turn.found} onLook={onLook} />}
      {nothing && <Hint base={base} generate={turn.generate} after />}
      {turn.state === "stopped" && <Box color="text-body-secondary">Stopped</Box>}
      {turn.error && (
        <Failed
          what={turn.generate ? "ask this knowledge base" : "search this knowledge base"}
          error={turn.error}
          retry={onRetry}
        />
      )}
      {turn.ms !== undefined && (
        <Box variant="small" color="text-body-secondary">
          {duration(turn.ms)}
        </Box>
      )}
      <LiveRegion hidden>{turn.state === "done" ? "The answer is there" : ""}</LiveRegion>
    </SpaceBetween>
  );
}

function titleOf(passage: Passage | undefined): string {
  if (!passage) return "";
  const name = fileName(passage.uri) || "Document";
  return passage.page === undefined ? name : `${name}, from page ${passage.page}`;
}

/** The passages of a search, the best first. */
function Found({ turn, found, onLook }: { turn: Turn; found: readonly Passage[]; onLook: (look: Look) => void }) {
  return (
    <SpaceBetween size="m">
      {found.map((passage, at) => (
        <div key={passage.id}>
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            <Button
              variant="inline-link"
              onClick={() => onLook({ passages: found, at, said: turn.question })}
              ariaLabel={`${at + 1}. ${titleOf(passage)}, open the passage`}
            >
              {`${at + 1}. ${titleOf(passage)}`}
            </Button>
            {passage.score !== undefined && <Badge>{passage.score.toFixed(3)}</Badge>}
          </SpaceBetween>
          <div className="kb-clipped">
            {pieces(passage.text.trim(), turn.question).map((part, i) =>
              // oxlint-disable-next-line react/no-array-index-key -- sentences of a text have no identity but their place
              part.strong ? <mark key={i}>{part.text}</mark> : <span key={i}>{part.text}</span>,
            )}
          </div>
        </div>
      ))}
    </SpaceBetween>
  );
}

/** Says what a base lacks for a search to find something, or how to begin. */
function Hint({ base, generate, after = false }: { base: KnowledgeBase; generate: boolean; after?: boolean }) {
  const navigate = useNavigate();
  const id = base.knowledgeBaseId;
  const sources = useAll(ListDataSources, { knowledgeBaseId: id }, (page) => page.dataSourceSummaries);
  const first = sources.data?.[0];
  const one = sources.data?.length === 1;
  const documents = useCall(
    ListKnowledgeBaseDocuments,
    { knowledgeBaseId: id, dataSourceId: first?.dataSourceId ?? "", maxResults: 100 },
    { enabled: one },
  );
  if (sources.data?.length === 0) {
    return (
      <Empty
        title="There is nothing to ask yet"
        action={
          <Button variant="primary" onClick={() => void navigate(`/knowledge-bases/${id}/add`)}>
            Add documents
          </Button>
        }
      >
        This knowledge base has no source of documents.
      </Empty>
    );
  }
  const known = documents.data && !documents.data.nextToken ? documents.data.documentDetails : undefined;
  const searchable = known?.some((d) => /INDEXED$|^METADATA_UPDATE_FAILED$/.test(d.status));
  if (known && !searchable) {
    return (
      <Empty
        title={known.length === 0 ? "Nothing is indexed yet" : "No document is indexed"}
        action={
          <Button
            onClick={() => void navigate(`/knowledge-bases/${id}/${known.length === 0 ? "sources" : "documents"}`)}
          >
            {known.length === 0 ? "Go to the data source" : "Show what became of each"}
          </Button>
        }
      >
        {known.length === 0 ? "Sync the data source first." : "None of the documents could be read."}
      </Empty>
    );
  }
  if (after) {
    return <Alert type="info">{generate ? "No source is cited." : "Nothing fits the question."}</Alert>;
  }
  return (
    <Empty title={generate ? "Ask a question" : "Search"}>
      {generate
        ? "The answer names the passages that it rests on. Click a number to read the passage."
        : "The passages that fit are shown with their scores, the best first."}
    </Empty>
  );
}
