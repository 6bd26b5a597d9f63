import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { ListDataSources, ListKnowledgeBases } from "@/api/bedrock-agent.gen";
import type { CatalogDetail, Server } from "@/api/outcrop.gen";
import { s3, useAll, useClient, useOperator, useRegion, type ServiceError } from "@/client";
import { Code, Page } from "@/components";
import { useNotify } from "@/shell/notifications";
import { BucketFields } from "./bucket-fields";
import { ChunkingFields } from "./chunking-fields";
import { chunkingProblems, defaultChunking, flag, ingestion } from "./chunking";
import { candidates, Dropzone, type Candidate } from "./dropzone";
import { FileList } from "./file-list";
import { asPrefix, bucketFor, bucketProblem, distinct, nameFor, nameProblem, type Chosen } from "./files";
import { folderCommand } from "./command";
import { ModelSelect } from "./model-select";
import { defaultEmbedding, modelArn, pick, useCatalog } from "./models";
import { useRuns, type Plan } from "./runs";

/**
 * The role that the API wants. Nothing is done in it; its name is one that AWS's policies for Bedrock let their users pass
 * on.
 */
const roleName = "AmazonBedrockExecutionRoleForKnowledgeBase_outcrop";

type From = "upload" | "bucket" | "folder";

/** Makes a base, or a further data source of one that is there. dropped are files that somebody let fall elsewhere. */
export function Create({
  existing,
  dropped,
}: {
  existing?: { id: string; name: string };
  dropped?: readonly Chosen[];
}) {
  const region = useRegion();
  const client = useClient();
  const queries = useQueryClient();
  const notify = useNotify();
  const navigate = useNavigate();
  const { runs } = useRuns();
  const catalog = useCatalog();
  const server = useOperator<Server>("server");
  const bases = useAll(ListKnowledgeBases, {}, (page) => page.knowledgeBaseSummaries, { enabled: !existing });
  const sources = useAll(ListDataSources, { knowledgeBaseId: existing?.id ?? "" }, (page) => page.dataSourceSummaries, {
    enabled: existing !== undefined,
  });
  const buckets = useQuery<string[], ServiceError>({
    queryKey: ["s3", "buckets", region],
    queryFn: async ({ signal }) => (await s3.listBuckets(client, { signal })).map((b) => b.name),
  });

  const [from, setFrom] = useState<From>("upload");
  const [files, setFiles] = useState<Candidate[]>([]);
  const [typedName, setTypedName] = useState<string>();
  const [description, setDescription] = useState("");
  const [model, setModel] = useState<string>();
  const [dimensions, setDimensions] = useState("");
  const [typedBucket, setTypedBucket] = useState<string>();
  const [bucket, setBucket] = useState("");
  const [prefix, setPrefix] = useState("");
  const [folder, setFolder] = useState("");
  const [watch, setWatch] = useState(true);
  const [chunking, setChunking] = useState(defaultChunking);
  const [typedSource, setTypedSource] = useState<string>();
  const [tried, setTried] = useState(false);

  const choose = async (chosen: readonly Chosen[]) => setFiles(await candidates(chosen, files));
  useEffect(() => {
    let here = true;
    if (dropped && dropped.length > 0) void candidates(dropped).then((list) => here && setFiles(list));
    return () => {
      here = false;
    };
  }, [dropped]);

  const taken = bases.data?.map((b) => b.name) ?? [];
  const good = files.filter((f) => f.problem === undefined);
  const proposed =
    from === "bucket"
      ? nameFor([bucket], taken)
      : nameFor(
          from === "folder"
            ? [
                folder
                  .replace(/[/\\]+$/, "")
                  .split(/[/\\]/)
                  .at(-1) ?? "",
              ]
            : pathsOf(good),
          taken,
        );
  const name = existing?.name ?? typedName ?? proposed;
  const newBucket = typedBucket ?? bucketFor(existing ? `${name}-files` : name, buckets.data);
  const usedBucket = from === "upload" ? newBucket : bucket;
  const sourceName =
    typedSource ??
    distinct(
      nameFor([asPrefix(prefix) === "" ? usedBucket : `${usedBucket}-${prefix}`.replaceAll("/", "-")]),
      sources.data?.map((s) => s.name) ?? [],
    );
  const embedding = model ?? pick(catalog.data?.models, "embedding", defaultEmbedding);
  const known = useOperator<CatalogDetail>(
    `catalog/${embedding}`,
    {},
    { enabled: !existing && catalog.data !== undefined },
  );
  const offered = known.data?.embeddingDimensions;

  const problems = {
    files: good.length === 0 ? "Choose at least one file that can be read." : undefined,
    bucket: from === "bucket" && bucket === "" ? "Choose a bucket." : undefined,
    newBucket: from === "upload" ? bucketProblem(newBucket) : undefined,
    name: existing
      ? undefined
      : (nameProblem(name) ?? (taken.includes(name) ? "There is a knowledge base of that name." : undefined)),
    source: nameProblem(sourceName),
    dimensions:
      dimensions === "" || (/^\d+$/.test(dimensions) && Number(dimensions) > 0 && Number(dimensions) <= 4096)
        ? undefined
        : "A whole number from 1 to 4,096.",
    chunking: Object.values(chunkingProblems(chunking))[0],
  };
  const wrong = [
    from === "upload" ? problems.files : undefined,
    problems.bucket,
    problems.newBucket,
    problems.name,
    problems.source,
    problems.dimensions,
    problems.chunking,
  ].find((p) => p !== undefined);
  const shown = (problem: string | undefined) => (tried ? problem : undefined);
  const hiddenWrong = problems.newBucket ?? problems.source ?? problems.dimensions ?? problems.chunking;

  const submit = () => {
    setTried(true);
    if (wrong !== undefined || from === "folder") return;
    const account = server.data?.account ?? "000000000000";
    const how = ingestion(chunking);
    const key = from === "bucket" ? asPrefix(prefix) : "";
    const plan: Plan = {
      region,
      base: existing ?? {
        make: {
          name,
          ...(description.trim() === "" ? {} : { description: description.trim() }),
          roleArn: `arn:aws:iam::${account}:role/${roleName}`,
          knowledgeBaseConfiguration: {
            type: "VECTOR",
            vectorKnowledgeBaseConfiguration: {
              embeddingModelArn: modelArn(region, embedding.trim()),
              ...(dimensions === ""
                ? {}
                : {
                    embeddingModelConfiguration: {
                      bedrockEmbeddingModelConfiguration: { dimensions: Number(dimensions) },
                    },
                  }),
            },
          },
          storageConfiguration: { type: "S3_VECTORS" },
        },
      },
      source: {
        make: {
          name: sourceName,
          dataSourceConfiguration: {
            type: "S3",
            s3Configuration: {
              bucketArn: `arn:aws:s3:::${usedBucket}`,
              ...(key === "" ? {} : { inclusionPrefixes: [key] }),
            },
          },
          ...(how ? { vectorIngestionConfiguration: how } : {}),
        },
      },
      makeBucket: from === "upload" && !(buckets.data?.includes(newBucket) ?? false),
      bucket: usedBucket,
      prefix: "",
      files: from === "upload" ? good : [],
    };
    const id = runs.start(plan, { client, queries, notify });
    void navigate(`/knowledge-bases/runs/${id}`);
  };

  const title = existing ? `Add a data source to ${existing.name}` : "Create knowledge base";
  const back = existing ? `/knowledge-bases/${existing.id}/sources` : "/knowledge-bases";
  const crumbs = existing
    ? [
        { text: existing.name, path: `knowledge-bases/${existing.id}` },
        { text: "Add a data source", path: `knowledge-bases/${existing.id}/add` },
      ]
    : [{ text: "Create", path: "knowledge-bases/create" }];
  return (
    <Page
      title={title}
      description={existing ? undefined : "Add documents, and ask questions that are answered from them."}
      crumbs={crumbs}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button formAction="none" variant="link" onClick={() => void navigate(back)}>
                Cancel
              </Button>
              {from !== "folder" && (
                <Button variant="primary" formAction="submit">
                  {existing ? "Add and sync" : "Create and sync"}
                </Button>
              )}
            </SpaceBetween>
          }
          errorText={tried && from !== "folder" ? wrong : undefined}
        >
          <SpaceBetween size="l">
            <Container header={<Header variant="h2">Documents</Header>}>
              <SpaceBetween size="m">
                <Tiles
                  ariaLabel="Where the documents are"
                  value={from}
                  onChange={({ detail }) => setFrom(detail.value as From)}
                  columns={3}
                  items={[
                    { value: "upload", label: "Upload files", description: "From this computer." },
                    { value: "bucket", label: "A bucket", description: "Files that are on the server already." },
                    { value: "folder", label: "A folder of the server", description: "Read where it is." },
                  ]}
                />
                {from === "upload" && (
                  <FormField errorText={shown(problems.files)} stretch>
                    <SpaceBetween size="s">
                      <Dropzone onChoose={(chosen) => void choose(chosen)} compact={files.length > 0} />
                      <FileList files={files} onChange={setFiles} />
                    </SpaceBetween>
                  </FormField>
                )}
                {from === "bucket" && (
                  <BucketFields
                    buckets={buckets}
                    bucket={bucket}
                    prefix={prefix}
                    problem={shown(problems.bucket)}
                    onChange={(b, p) => {
                      setBucket(b);
                      setPrefix(p);
                    }}
                  />
                )}
                {from === "folder" && (
                  <SpaceBetween size="s">
                    <Alert type="info" header="A folder is added on the server's own machine">
                      Nobody may make the server read its files over the network, so this page cannot do it either. Run
                      this in a terminal there, as who may write the server&apos;s data directory. The{" "}
                      {existing ? "data source" : "knowledge base"} then shows up here.
                    </Alert>
                    <FormField label="Folder" description="Its path on the server's machine.">
                      <Input
                        value={folder}
                        placeholder="/srv/documents"
                        onChange={({ detail }) => setFolder(detail.value)}
                      />
                    </FormField>
                    <Checkbox checked={watch} onChange={({ detail }) => setWatch(detail.checked)}>
                      Sync whenever something in it changes
                    </Checkbox>
                    <Code
                      label="Copy the command"
                      code={folderCommand({
                        base: name,
                        make: !existing,
                        folder: folder.trim() || "/srv/documents",
                        watch,
                        chunking: problems.chunking === undefined ? flag(chunking) : undefined,
                        model: existing || embedding === defaultEmbedding ? undefined : embedding,
                        dimensions: problems.dimensions === undefined ? dimensions : "",
                        description: description.trim(),
                        data: server.data?.dataDirectory,
                        region: server.data && server.data.region !== region ? region : undefined,
                      })}
                    />
                  </SpaceBetween>
                )}
              </SpaceBetween>
            </Container>
            <Container>
              <SpaceBetween size="m">
                {!existing && (
                  <FormField label="Name" errorText={shown(problems.name)}>
                    <Input value={name} onChange={({ detail }) => setTypedName(detail.value)} />
                  </FormField>
                )}
                <ExpandableSection
                  headerText="Advanced options"
                  headerDescription="Chunking, embedding model, names"
                  {...(tried && hiddenWrong !== undefined ? { expanded: true } : {})}
                >
                  <SpaceBetween size="m">
                    {!existing && (
                      <FormField label="Description" description="Optional.">
                        <Input
                          value={description}
                          onChange={({ detail }) => setDescription(detail.value.slice(0, 200))}
                        />
                      </FormField>
                    )}
                    <ChunkingFields value={chunking} onChange={setChunking} />
                    {!existing && (
                      <ModelSelect
                        kind="embedding"
                        label="Embedding model"
                        description="Makes vectors of passages and questions. It cannot be changed later."
                        value={embedding}
                        onChange={(id) => {
                          setModel(id);
                          setDimensions("");
                        }}
                      />
                    )}
                    {!existing && (
                      <FormField
                        label="Dimensions"
                        description="Of the vectors. Empty: as many as the model has."
                        constraintText={
                          offered && offered.length > 0 ? `The model offers ${offered.join(", ")}.` : undefined
                        }
                        errorText={problems.dimensions}
                      >
                        <Input
                          type="number"
                          value={dimensions}
                          placeholder={offered?.[0] === undefined ? "" : String(offered[0])}
                          onChange={({ detail }) => setDimensions(detail.value)}
                        />
                      </FormField>
                    )}
                    {from === "upload" && (
                      <FormField
                        label="Bucket"
                        description="Where the files are kept on the server. It is made unless it is there."
                        errorText={shown(problems.newBucket)}
                      >
                        <Input value={newBucket} onChange={({ detail }) => setTypedBucket(detail.value)} />
                      </FormField>
                    )}
                    {from !== "folder" && (
                      <FormField label="Name of the data source" errorText={shown(problems.source)}>
                        <Input value={sourceName} onChange={({ detail }) => setTypedSource(detail.value)} />
                      </FormField>
                    )}
                  </SpaceBetween>
                </ExpandableSection>
                {from === "bucket" && (
                  <Box color="text-body-secondary" variant="small">
                    Vectors and words are kept in the server&apos;s own index. Nothing else has to be set up.
                  </Box>
                )}
              </SpaceBetween>
            </Container>
          </SpaceBetween>
        </Form>
      </form>
    </Page>
  );
}

const pathsOf = (files: readonly Candidate[]) => files.map((f) => f.path);
