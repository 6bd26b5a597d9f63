import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { GetUseCaseForModelAccess, PutUseCaseForModelAccess } from "@/api/bedrock.gen";
import { useCall, useOperation } from "@/client";
import { Code, Failed, Loading } from "@/components";
import { decode, encode, noUseCase, textOf, wrong } from "./use-case";
import { UseCaseFields } from "./use-case-fields";

/** Shows the form of the account, and submits it. */
export function UseCaseModal({ submitted, close }: { submitted: boolean; close: () => void }) {
  const found = useCall(GetUseCaseForModelAccess, {}, { enabled: submitted });
  if (submitted && found.isPending) {
    return (
      <Modal visible header="Use case details" onDismiss={close}>
        <Loading />
      </Modal>
    );
  }
  return <Form given={found.data?.formData} error={submitted ? found.error : null} close={close} />;
}

function Form({
  given,
  error,
  close,
}: {
  given: string | undefined;
  error: Parameters<typeof Failed>[0]["error"] | null;
  close: () => void;
}) {
  const before = given === undefined ? undefined : decode(given);
  const [form, setForm] = useState(before ?? noUseCase);
  const [tried, setTried] = useState(false);
  const missing = wrong(form);
  const submit = useOperation(PutUseCaseForModelAccess, {
    done: "The use case details were submitted.",
    stale: ["model-access", GetUseCaseForModelAccess],
    quiet: true,
    onDone: close,
  });
  return (
    <Modal
      visible
      header="Use case details"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button
              variant="primary"
              loading={submit.isPending}
              onClick={() => {
                setTried(true);
                if (Object.keys(missing).length === 0) submit.mutate({ formData: encode(form) });
              }}
            >
              Submit
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>
          Anthropic asks each account once what its models are used for. The form stays on this server; administrators
          read it.
        </Box>
        {error && <Failed what="read the use case details" error={error} />}
        {given !== undefined && !before && (
          <Alert type="info" header="It was submitted in another form">
            <Code code={textOf(given)} label="Copy the form" />
          </Alert>
        )}
        <UseCaseFields form={form} missing={tried ? missing : {}} onChange={setForm} />
        {submit.error && <Failed what="submit the use case details" error={submit.error} />}
      </SpaceBetween>
    </Modal>
  );
}
