import Alert from "@cloudscape-design/components/alert";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  DeleteModelInvocationLoggingConfiguration,
  GetModelInvocationLoggingConfiguration,
  PutModelInvocationLoggingConfiguration,
  type LoggingConfig,
} from "@/api/bedrock.gen";
import { s3, useAction, useCall, useClient, useOperation, useRegion } from "@/client";
import { Answer, ConfirmDelete, Failed } from "@/components";

/** The kinds of data, by their switches. */
const kinds = [
  ["textDataDeliveryEnabled", "Text", "Prompts and answers, and what tools are asked and say"],
  ["imageDataDeliveryEnabled", "Images", "The bytes of images in requests and answers"],
  ["embeddingDataDeliveryEnabled", "Embeddings", "The numbers that embedding models answer"],
  ["videoDataDeliveryEnabled", "Videos", "The bytes of videos"],
  ["audioDataDeliveryEnabled", "Audio", "The bytes of sound"],
] as const;

/** Whether and where what models are asked and answer is written down. */
export function Settings() {
  const region = useRegion();
  const current = useCall(GetModelInvocationLoggingConfiguration, {});
  return (
    <Answer of={current} what="see the settings of the invocation log">
      {({ loggingConfig }) => (
        <Edit
          // A change of the settings elsewhere begins the form anew; a look at the same ones does not.
          key={`${region} ${JSON.stringify(loggingConfig ?? null)}`}
          config={loggingConfig}
          region={region}
        />
      )}
    </Answer>
  );
}

function useBuckets() {
  const client = useClient();
  const region = useRegion();
  return useQuery({
    queryKey: ["s3", "buckets", region],
    queryFn: ({ signal }) => s3.listBuckets(client, { signal }),
    retry: false,
  });
}

function Edit({ config, region }: { config: LoggingConfig | undefined; region: string }) {
  const buckets = useBuckets();
  const [on, setOn] = useState(config !== undefined);
  const [bucket, setBucket] = useState(config?.s3Config?.bucketName ?? "");
  const [prefix, setPrefix] = useState(config?.s3Config?.keyPrefix ?? "");
  // A switch that is not mentioned is on.
  const [data, setData] = useState(() => Object.fromEntries(kinds.map(([name]) => [name, config?.[name] ?? true])));
  const [asking, setAsking] = useState(false);
  const stale = [GetModelInvocationLoggingConfiguration];
  const put = useOperation(PutModelInvocationLoggingConfiguration, {
    done: `Invocations in ${region} are logged into ${bucket.trim()}.`,
    stale,
    quiet: true,
  });
  const remove = useOperation(DeleteModelInvocationLoggingConfiguration, {
    done: `Invocations in ${region} are not logged any more.`,
    stale,
    quiet: true,
    onDone: () => setAsking(false),
  });
  const create = useAction((name: string, client) => s3.createBucket(client, name, { region }), {
    done: (_, name) => `Bucket ${name} was made.`,
    onDone: () => void buckets.refetch(),
  });
  const name = bucket.trim();
  const known = buckets.data?.some((b) => b.name === name) ?? true;
  const save = () => {
    if (!on) {
      setAsking(true);
      return;
    }
    const keyPrefix = prefix.trim();
    put.mutate({
      loggingConfig: { ...data, s3Config: { bucketName: name, ...(keyPrefix === "" ? {} : { keyPrefix }) } },
    });
  };
  const nothingOn = on && kinds.every(([kind]) => data[kind] === false);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Form
        actions={
          <Button
            variant="primary"
            formAction="submit"
            loading={put.isPending}
            disabled={on ? name === "" : config === undefined}
          >
            Save settings
          </Button>
        }
      >
        <SpaceBetween size="l">
          <Container
            header={
              <Header variant="h2" description={`Of this account in ${region}. Each region has its own settings.`}>
                Model invocation logging
              </Header>
            }
          >
            <SpaceBetween size="l">
              <Toggle checked={on} onChange={({ detail }) => setOn(detail.checked)}>
                Write down what models are asked and what they answer
              </Toggle>
              <Alert type="info">
                There is no CloudWatch Logs on this server, so a bucket is the only destination: the API refuses a
                configuration that names a log group. No role is needed, the server writes by itself.
              </Alert>
            </SpaceBetween>
          </Container>
          {on && (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">What is logged</Header>}>
                <SpaceBetween size="s">
                  {kinds.map(([kind, label, description]) => (
                    <Checkbox
                      key={kind}
                      checked={data[kind] ?? true}
                      description={description}
                      onChange={({ detail }) => setData({ ...data, [kind]: detail.checked })}
                    >
                      {label}
                    </Checkbox>
                  ))}
                  {nothingOn && (
                    <Box color="text-status-warning">
                      Only who called which model, and how many tokens it took, would be logged.
                    </Box>
                  )}
                </SpaceBetween>
              </Container>
              <Container header={<Header variant="h2">Where</Header>}>
                <SpaceBetween size="m">
                  <FormField
                    label="Bucket"
                    description="Of this server, or of the endpoint that its configuration names."
                    errorText={
                      buckets.error ? "The buckets cannot be listed. The name can be typed all the same." : undefined
                    }
                    secondaryControl={
                      !known && /^[a-z0-9][a-z0-9.-]{2,62}$/.test(name) ? (
                        <Button formAction="none" loading={create.isPending} onClick={() => create.mutate(name)}>
                          Create it
                        </Button>
                      ) : undefined
                    }
                  >
                    <Autosuggest
                      value={bucket}
                      onChange={({ detail }) => setBucket(detail.value)}
                      options={(buckets.data ?? []).map((b) => ({ value: b.name }))}
                      enteredTextLabel={(text) => `Use "${text}"`}
                      placeholder="prompts"
                      statusType={buckets.isPending ? "loading" : "finished"}
                      loadingText="Loading buckets"
                      empty="There is no bucket yet. Type a name to make one."
                      ariaLabel="Bucket"
                    />
                  </FormField>
                  <FormField
                    label={
                      <>
                        Prefix of the keys - <i>optional</i>
                      </>
                    }
                  >
                    <Input value={prefix} onChange={({ detail }) => setPrefix(detail.value)} placeholder="bedrock" />
                  </FormField>
                  <Box variant="small">
                    Objects are gzipped JSON lines below {prefix.trim() === "" ? "" : `${prefix.trim()}/`}
                    AWSLogs/…/BedrockModelInvocationLogs/, about half a minute after a call. An empty object is put
                    there first, to see whether it works.
                  </Box>
                </SpaceBetween>
              </Container>
            </SpaceBetween>
          )}
          {put.error && <Failed what="change the settings of the invocation log" error={put.error} />}
          {!on && config === undefined && (
            <Box color="text-body-secondary">Nothing is logged. Prompts and answers are nowhere on this server.</Box>
          )}
        </SpaceBetween>
      </Form>
      <ConfirmDelete
        visible={asking}
        what="the invocation log"
        action="Stop"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({})}
        onCancel={() => setAsking(false)}
      >
        What is asked of models in {region} from now on is not written down. What is in the bucket stays there.
      </ConfirmDelete>
    </form>
  );
}
