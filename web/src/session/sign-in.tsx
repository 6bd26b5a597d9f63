import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState, type FormEvent } from "react";
import { asServiceError, type ServiceError } from "@/client/errors";
import mark from "@/mark.svg";
import { useSessionControl } from "./provider";
import "./sign-in.css";

/** The sign-in page. Where a session has ended it lies over the page, which keeps its state. */
export function SignIn() {
  const { state, linkError, signIn } = useSessionControl();
  const [kind, setKind] = useState("accessKey");
  const [accessKeyId, setAccessKeyId] = useState("");
  const [secretAccessKey, setSecret] = useState("");
  const [sessionToken, setToken] = useState("");
  const [apiKey, setAPIKey] = useState("");
  const [error, setError] = useState<ServiceError>();
  const [busy, setBusy] = useState(false);

  const byKey = kind === "accessKey";
  const complete = byKey ? accessKeyId !== "" && secretAccessKey !== "" : apiKey !== "";

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!complete || busy) return;
    setBusy(true);
    setError(undefined);
    const keys = { accessKeyId, secretAccessKey, ...(sessionToken === "" ? {} : { sessionToken }) };
    signIn(byKey ? keys : { apiKey })
      .catch((thrown: unknown) => setError(asServiceError(thrown)))
      .finally(() => setBusy(false));
  };

  const shown = error ?? (state.at === "signed-out" ? linkError : undefined);
  return (
    <main className="sign-in" aria-label="Sign in">
      <form onSubmit={submit} className="sign-in-form">
        <SpaceBetween size="l">
          <Box textAlign="center">
            <img src={mark} alt="" width={56} height={56} />
            <Box variant="h1">Outcrop</Box>
          </Box>
          {state.at === "ended" && (
            <Alert type="info">Your session has ended. Sign in again to go on where you were.</Alert>
          )}
          {shown && (
            <Alert type="error" header="You are not signed in">
              {shown.message}
            </Alert>
          )}
          <Container header={<Header variant="h2">Sign in</Header>}>
            <SpaceBetween size="l">
              <SegmentedControl
                label="Sign in with"
                selectedId={kind}
                onChange={({ detail }) => setKind(detail.selectedId)}
                options={[
                  { id: "accessKey", text: "Access key" },
                  { id: "apiKey", text: "API key" },
                ]}
              />
              {byKey ? (
                <SpaceBetween size="m">
                  <FormField label="Access key ID">
                    <Input
                      value={accessKeyId}
                      onChange={({ detail }) => setAccessKeyId(detail.value)}
                      autoComplete="username"
                      name="accessKeyId"
                      spellcheck={false}
                      autoFocus
                    />
                  </FormField>
                  <FormField label="Secret access key">
                    <Input
                      value={secretAccessKey}
                      onChange={({ detail }) => setSecret(detail.value)}
                      type="password"
                      autoComplete="current-password"
                      name="secretAccessKey"
                    />
                  </FormField>
                  <FormField
                    label={
                      <>
                        Session token <i>- optional</i>
                      </>
                    }
                    description="Of temporary credentials."
                  >
                    <Input
                      value={sessionToken}
                      onChange={({ detail }) => setToken(detail.value)}
                      type="password"
                      autoComplete="off"
                      name="sessionToken"
                    />
                  </FormField>
                </SpaceBetween>
              ) : (
                <FormField
                  label="API key"
                  description="An Amazon Bedrock API key of this server. It can use Bedrock alone."
                >
                  <Input
                    value={apiKey}
                    onChange={({ detail }) => setAPIKey(detail.value)}
                    type="password"
                    autoComplete="current-password"
                    name="apiKey"
                    autoFocus
                  />
                </FormField>
              )}
              <Button variant="primary" formAction="submit" loading={busy} disabled={!complete} fullWidth>
                Sign in
              </Button>
            </SpaceBetween>
          </Container>
          <Box color="text-body-secondary" fontSize="body-s" textAlign="center">
            The server&rsquo;s keys are those of its API. <Box variant="code">outcrop env</Box> shows the ones that it
            made at its first start.
          </Box>
        </SpaceBetween>
      </form>
    </main>
  );
}
