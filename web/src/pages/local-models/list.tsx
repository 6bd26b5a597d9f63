import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { LocalModels } from "@/api/outcrop.gen";
import { Answer, bytes, Empty, none, Page, ResourceTable } from "@/components";
import { loadable, undeletable, unloadable, useLoad, useUnload } from "./actions";
import { columns } from "./columns";
import { DeleteModel } from "./delete-modal";
import { PullModal } from "./pull-modal";
import { Pulls, usePull } from "./pulls";
import { useLocalModels } from "./use-local-models";
import "./local-models.css";

/** The models of this machine. */
export function LocalList() {
  const local = useLocalModels();
  const [pulling, setPulling] = useState(false);
  return (
    <Page title="Local models" description="The models that the engine inside can run on this machine.">
      <Answer of={local} what="see local models">
        {(data) => (
          <SpaceBetween size="l">
            <Room local={data} />
            {data.pulls.length > 0 && <Pulls pulls={data.pulls} />}
            <Models local={data} pull={() => setPulling(true)} />
            {pulling && <PullModal local={data} close={() => setPulling(false)} />}
          </SpaceBetween>
        )}
      </Answer>
    </Page>
  );
}

function Room({ local: { memory, diskFreeBytes, directory } }: { local: LocalModels }) {
  const { totalBytes, freeBytes, modelBytes, limitBytes } = memory;
  const of = limitBytes ?? totalBytes;
  return (
    <Container header={<Header variant="h2">Memory</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          {
            label: "Taken by models",
            value:
              of === null ? (
                bytes(modelBytes)
              ) : (
                <ProgressBar
                  ariaLabel="Memory that models take"
                  value={Math.min(100, (100 * modelBytes) / of)}
                  additionalInfo={`${bytes(modelBytes)} of ${bytes(of)}${limitBytes === null ? "" : " that they may take"}`}
                />
              ),
          },
          {
            label: "Free on this machine",
            value: totalBytes === null ? none : `${bytes(freeBytes)} of ${bytes(totalBytes)}`,
          },
          { label: "Disk free", value: bytes(diskFreeBytes) },
          { label: "Folder", value: directory },
        ]}
      />
    </Container>
  );
}

function Models({ local, pull }: { local: LocalModels; pull: () => void }) {
  const [name, choose] = useState("");
  const [deleting, setDeleting] = useState(false);
  const chosen = local.models.find((m) => m.name === name);
  const load = useLoad();
  const unload = useUnload();
  const fetch = usePull();
  return (
    <>
      <ResourceTable
        id="local-models"
        title="Models"
        items={local.models}
        columns={columns}
        trackBy={(m) => m.name}
        sort="name"
        wrapLines
        selection="single"
        selected={chosen ? [chosen] : []}
        onSelect={([m]) => choose(m?.name ?? "")}
        empty={
          <Empty title="No models" action={<Button onClick={pull}>Pull a model</Button>}>
            Pull one from a hub, or from an address.
          </Empty>
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {chosen?.builtIn && !chosen.installed && (
              <Button
                loading={fetch.isPending}
                disabled={local.offline}
                disabledReason="This server is offline."
                onClick={() => fetch.mutate({ source: chosen.name, name: "" })}
              >
                Fetch
              </Button>
            )}
            <Button
              disabled={!chosen || !loadable(chosen)}
              loading={load.isPending}
              onClick={() => chosen && load.mutate(chosen.name)}
            >
              Load
            </Button>
            <Button
              disabled={!chosen || !unloadable(chosen)}
              loading={unload.isPending}
              onClick={() => chosen && unload.mutate(chosen.name)}
            >
              Unload
            </Button>
            <Button
              disabled={!chosen || undeletable(chosen) !== ""}
              disabledReason={chosen ? undeletable(chosen) : "Select a model."}
              onClick={() => setDeleting(true)}
            >
              Delete
            </Button>
            <Button variant="primary" onClick={pull}>
              Pull a model
            </Button>
          </SpaceBetween>
        }
      />
      {deleting && chosen && <DeleteModel model={chosen} close={() => setDeleting(false)} />}
    </>
  );
}
