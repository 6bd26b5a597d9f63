import Alert from "@cloudscape-design/components/alert";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import {
  AttachUserPolicy,
  CreateServiceSpecificCredential,
  CreateUser,
  ListServiceSpecificCredentials,
  ListUsers,
} from "@/api/iam.gen";
import { useAction, useAll, type Client } from "@/client";
import { Empty, Failed } from "@/components";
import { manyOptions } from "./links";
import { AgeField, ageOf, ApiKeyTable, bedrock } from "./keys";
import { nameProblem } from "./permissions";
import { NewApiKey } from "./secret";

const limitedAccess = "arn:aws:iam::aws:policy/AmazonBedrockLimitedAccess";

/** All Bedrock API keys of the account. */
export function AccountKeys() {
  const keys = useAll(
    ListServiceSpecificCredentials,
    { AllUsers: true, ServiceName: bedrock },
    (page) => page.ServiceSpecificCredentials,
  );
  const [asking, setAsking] = useState(false);
  const button = (
    <Button variant="primary" onClick={() => setAsking(true)}>
      Generate API key
    </Button>
  );
  return (
    <>
      <ApiKeyTable
        keys={keys}
        title="API keys"
        description="Bedrock API keys of all users. They are sent as they are (Authorization: Bearer), to Bedrock alone."
        withUser
        actions={button}
        empty={
          <Empty title="No API keys" action={<Button onClick={() => setAsking(true)}>Generate API key</Button>}>
            Programs that cannot sign requests use one.
          </Empty>
        }
      />
      {asking && <Generate onClose={() => setAsking(false)} />}
    </>
  );
}

interface Wanted {
  user: string;
  isNew: boolean;
  age: { CredentialAgeDays?: number };
}

async function generate({ user, isNew, age }: Wanted, client: Client) {
  if (isNew) {
    await client.call(CreateUser, { UserName: user });
    await client.call(AttachUserPolicy, { UserName: user, PolicyArn: limitedAccess });
  }
  return client.call(CreateServiceSpecificCredential, { UserName: user, ServiceName: bedrock, ...age });
}

function Generate({ onClose }: { onClose: () => void }) {
  const users = useAll(ListUsers, { MaxItems: 1000 }, (page) => page.Users);
  const [whose, setWhose] = useState("new");
  const [user, setUser] = useState("");
  const [age, setAge] = useState({ choice: "30", custom: "" });
  const create = useAction(generate, { stale: [ListServiceSpecificCredentials, ListUsers], quiet: true });
  const lives = ageOf(age.choice, age.custom);
  const wrong = nameProblem(user, 64);
  const made = create.data?.ServiceSpecificCredential;
  if (made) return <NewApiKey made={made} onClose={onClose} />;
  return (
    <Modal
      visible
      header="Generate an API key"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button
              variant="primary"
              disabled={user === "" || wrong !== undefined || !lives}
              loading={create.isPending}
              onClick={() => lives && create.mutate({ user, isNew: whose === "new", age: lives })}
            >
              Generate
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {create.error && <Failed what="generate an API key" error={create.error} />}
        <FormField label="Whose key">
          <RadioGroup
            value={whose}
            onChange={({ detail }) => setWhose(detail.value)}
            items={[
              {
                value: "new",
                label: "A new user",
                description: "With the policy AmazonBedrockLimitedAccess, which can be changed.",
              },
              { value: "there", label: "A user who is there", description: "The key may do what the user may do." },
            ]}
          />
        </FormField>
        <FormField label="User name" errorText={wrong}>
          {whose === "new" ? (
            <Input value={user} onChange={({ detail }) => setUser(detail.value)} autoComplete="off" />
          ) : (
            <Autosuggest
              value={user}
              onChange={({ detail }) => setUser(detail.value)}
              options={users.data?.map(({ UserName }) => ({ value: UserName }))}
              enteredTextLabel={(value) => `Use "${value}"`}
              statusType={users.isPending ? "loading" : "finished"}
              loadingText="Loading users"
              empty="No users"
              virtualScroll={manyOptions(users.data)}
            />
          )}
        </FormField>
        {whose === "there" && users.error && (
          <Alert type="info">The users cannot be listed ({users.error.code}); type the name.</Alert>
        )}
        <AgeField {...age} onChange={(choice, custom) => setAge({ choice, custom })} />
      </SpaceBetween>
    </Modal>
  );
}
