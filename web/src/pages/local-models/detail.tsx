import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import type { LocalModel } from "@/api/outcrop.gen";
import { Answer, bytes, Code, Copyable, count, Empty, none, Page, Time } from "@/components";
import { loadable, undeletable, unloadable, useLoad, useUnload } from "./actions";
import { pathOfLocal, State } from "./columns";
import { DeleteModel } from "./delete-modal";
import { FitBadge } from "./fit";
import { useLocalModels } from "./use-local-models";
import { fitText } from "./words";

/** Everything that is known of a local model. */
export function LocalModelPage() {
  const { name = "" } = useParams();
  const local = useLocalModels();
  const model = local.data?.models.find((m) => m.name === name);
  return (
    <Page
      title={name}
      crumbs={[{ text: name, path: pathOfLocal(name).slice(1) }]}
      actions={model && <Actions model={model} />}
    >
      <Answer of={local} what="see local models">
        {() =>
          model ? <Model model={model} /> : <Empty title={`There is no model ${name}`}>It may have been deleted.</Empty>
        }
      </Answer>
    </Page>
  );
}

function Actions({ model }: { model: LocalModel }) {
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const load = useLoad();
  const unload = useUnload();
  return (
    <>
      <SpaceBetween direction="horizontal" size="xs">
        <Button
          disabled={undeletable(model) !== ""}
          disabledReason={undeletable(model)}
          onClick={() => setDeleting(true)}
        >
          Delete
        </Button>
        {unloadable(model) || model.state === "unloading" ? (
          <Button disabled={!unloadable(model)} loading={unload.isPending} onClick={() => unload.mutate(model.name)}>
            Unload
          </Button>
        ) : (
          <Button
            variant="primary"
            disabled={!loadable(model)}
            loading={load.isPending || model.state === "loading"}
            onClick={() => load.mutate(model.name)}
          >
            Load
          </Button>
        )}
      </SpaceBetween>
      {deleting && (
        <DeleteModel
          model={model}
          close={(done) => {
            setDeleting(false);
            if (done) void navigate("/local-models");
          }}
        />
      )}
    </>
  );
}

const tokens = (n: number) => (n === 0 ? none : `${count(n)} tokens`);

function Model({ model }: { model: LocalModel }) {
  return (
    <SpaceBetween size="l">
      {model.problem !== "" && (
        <Alert type="error" header={model.state === "absent" ? "Its file is not there" : "It cannot be used"}>
          {model.problem}
        </Alert>
      )}
      {model.state === "failed" && (
        <Alert type="error" header="It could not be loaded">
          {model.why}
        </Alert>
      )}
      {!model.fit.fits && (
        <Alert type="warning" header="It does not fit into memory now">
          {fitText(model.fit)}
        </Alert>
      )}
      <Container header={<Header variant="h2">State</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "State", value: <State of={model} /> },
            { label: "Memory", value: model.memoryBytes > 0 ? bytes(model.memoryBytes) : <FitBadge of={model.fit} /> },
            { label: "Loaded", value: <Time at={model.loadedAt} /> },
            {
              label: "Tokens per second",
              value: model.tokensPerSecond === null ? none : model.tokensPerSecond.toFixed(1),
            },
            { label: "Answers for", value: model.usedFor.join(", ") || "No route leads to it" },
          ]}
        />
      </Container>
      <Container header={<Header variant="h2">Parameters</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Parameters", value: model.parameters === 0 ? none : count(model.parameters) },
            { label: "Quantization", value: model.quantization || none },
            { label: "Architecture", value: model.architecture || none },
            { label: "Trained context", value: tokens(model.contextLength) },
            { label: "Size of embeddings", value: model.embeddingLength === 0 ? none : count(model.embeddingLength) },
            { label: "Chat template", value: model.chatTemplate ? "Yes" : "No: it cannot chat" },
            { label: "Licence", value: model.license || "Not known" },
            { label: "Size", value: bytes(model.sizeBytes) },
            { label: "File", value: model.file || none },
            { label: "SHA-256", value: <Copyable text={model.sha256} /> },
            { label: "Source", value: model.source || none },
            { label: "Added", value: model.builtIn ? "Comes with the server" : <Time at={model.addedAt} /> },
          ]}
        />
      </Container>
      {model.usedFor.length === 0 && (
        <Container
          header={
            <Header
              variant="h2"
              description="Write a route into outcrop.yaml and reload the configuration (outcrop reload)."
            >
              Let it answer for a model
            </Header>
          }
        >
          <Code code={`routes:\n  - match: "meta.llama3-*"\n    model: ${JSON.stringify(model.name)}\n`} />
        </Container>
      )}
    </SpaceBetween>
  );
}
