import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { AccessKey, ServiceSpecificCredential } from "@/api/iam.gen";
import { CodeSample, Copyable, CopyButton } from "@/components";

/** Hands text to the browser as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** A line of CSV. */
export function csv(...fields: readonly string[]): string {
  return `${fields.map((f) => (/[",\n]/.test(f) ? `"${f.replaceAll('"', '""')}"` : f)).join(",")}\n`;
}

/** A secret, which is not shown before somebody asks for it. */
function Secret({ label, text }: { label: string; text: string }) {
  const [shown, show] = useState(false);
  return (
    <FormField label={label}>
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        <CopyButton text={text} label={`Copy ${label.toLowerCase()}`} />
        <Box variant="code">
          <span style={{ overflowWrap: "anywhere" }}>{shown ? text : "•".repeat(24)}</span>
        </Box>
        <Button variant="inline-link" onClick={() => show(!shown)} ariaLabel={`${shown ? "Hide" : "Show"} ${label}`}>
          {shown ? "Hide" : "Show"}
        </Button>
      </SpaceBetween>
    </FormField>
  );
}

/** A key that was just made, the one time that its secret can be seen. */
function Once({
  header,
  file,
  text,
  onClose,
  children,
}: {
  header: string;
  file: string;
  text: string;
  onClose: () => void;
  children: React.ReactNode;
}) {
  return (
    <Modal
      visible
      size="large"
      header={header}
      onDismiss={({ detail }) => {
        // A click beside it would lose the secret for ever.
        if (detail.reason !== "overlay") onClose();
      }}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="download" onClick={() => download(file, text)}>
              Download .csv
            </Button>
            <Button variant="primary" onClick={onClose}>
              Done
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning">
          This is the only time that the secret can be seen or downloaded. Who loses it makes another key.
        </Alert>
        {children}
      </SpaceBetween>
    </Modal>
  );
}

export function NewAccessKey({ made, onClose }: { made: AccessKey; onClose: () => void }) {
  const { AccessKeyId, SecretAccessKey, UserName } = made;
  const endpoint = window.location.origin;
  return (
    <Once
      header={`Access key of ${UserName}`}
      file={`${UserName}_accessKeys.csv`}
      text={csv("Access key ID", "Secret access key") + csv(AccessKeyId, SecretAccessKey)}
      onClose={onClose}
    >
      <FormField label="Access key ID">
        <Copyable text={AccessKeyId} />
      </FormField>
      <Secret label="Secret access key" text={SecretAccessKey} />
      <CodeSample
        samples={[
          {
            label: "Shell",
            code: `export AWS_ENDPOINT_URL=${endpoint}\nexport AWS_ACCESS_KEY_ID=${AccessKeyId}\nexport AWS_SECRET_ACCESS_KEY=…`,
          },
          {
            label: "Profile",
            code: `# ~/.aws/credentials\n[${UserName}]\naws_access_key_id = ${AccessKeyId}\naws_secret_access_key = …\n\n# ~/.aws/config\n[profile ${UserName}]\nendpoint_url = ${endpoint}`,
          },
        ]}
      />
    </Once>
  );
}

export function NewApiKey({ made, onClose }: { made: ServiceSpecificCredential; onClose: () => void }) {
  const { ServiceCredentialAlias = "", ServiceCredentialSecret = "", UserName } = made;
  const endpoint = window.location.origin;
  return (
    <Once
      header={`API key of ${UserName}`}
      file={`${UserName}_apiKey.csv`}
      text={csv("API key name", "API key") + csv(ServiceCredentialAlias, ServiceCredentialSecret)}
      onClose={onClose}
    >
      <FormField label="Name">
        <Copyable text={ServiceCredentialAlias} />
      </FormField>
      <Secret label="API key" text={ServiceCredentialSecret} />
      <CodeSample
        samples={[
          {
            label: "Shell",
            code: `export AWS_BEARER_TOKEN_BEDROCK=…\nexport AWS_ENDPOINT_URL=${endpoint}`,
          },
          {
            label: "curl",
            code: `curl ${endpoint}/model/amazon.nova-lite-v1:0/converse \\\n  -H "Authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK" \\\n  -H "Content-Type: application/json" \\\n  -d '{"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}'`,
          },
          {
            label: "OpenAI SDK",
            code: `export OPENAI_API_KEY=$AWS_BEARER_TOKEN_BEDROCK\nexport OPENAI_BASE_URL=${endpoint}/openai/v1`,
          },
        ]}
      />
    </Once>
  );
}
