import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useNavigate } from "react-router";
import { GetCallerIdentity, type GetCallerIdentityOutput } from "@/api/sts.gen";
import { useCall } from "@/client";
import { Answer, Code, Copyable } from "@/components";
import { AccessKeys, ApiKeys } from "./keys";
import { nameOf, pathOf, To } from "./links";

/** Who has signed in, and the keys that they have. */
export function YourKeys() {
  const caller = useCall(GetCallerIdentity, {});
  return (
    <Answer of={caller} what="see who you are">
      {(who) => (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">You</Header>}>
            <KeyValuePairs
              columns={3}
              items={[
                { label: "ARN", value: <Copyable text={who.Arn} /> },
                { label: "Account", value: <Copyable text={who.Account} /> },
                { label: "ID", value: <Copyable text={who.UserId} /> },
              ]}
            />
          </Container>
          <Keys who={who} />
        </SpaceBetween>
      )}
    </Answer>
  );
}

function Keys({ who: { Arn = "" } }: { who: GetCallerIdentityOutput }) {
  if (Arn.endsWith(":root")) return <RootKey />;
  if (Arn.includes(":user/")) {
    const user = nameOf(Arn);
    return (
      <SpaceBetween size="l">
        <AccessKeys user={user} />
        <ApiKeys user={user} />
      </SpaceBetween>
    );
  }
  const role = /:assumed-role\/([^/]+)\//.exec(Arn)?.[1];
  return (
    <Alert type="info" header="These credentials are temporary">
      {role ? (
        <>
          You use the role <To path={pathOf.role(role)}>{role}</To>, which has no keys of its own: each session gets its
          own, and they end with it.
        </>
      ) : (
        "They end with the session, and nothing can be changed about them here."
      )}
    </Alert>
  );
}

/** Root's key is a file beside the data, so nobody changes it by a request. */
function RootKey() {
  const navigate = useNavigate();
  return (
    <SpaceBetween size="l">
      <Alert
        type="warning"
        header="You are the account's root"
        action={
          <Button onClick={() => void navigate("/access/users/create?policy=AdministratorAccess")}>
            Create an administrator
          </Button>
        }
      >
        No policy binds root, and its key cannot be limited. Make a user with the policy AdministratorAccess for your
        own work, and keep root for repairs.
      </Alert>
      <Container header={<Header variant="h2">Root&apos;s access key</Header>}>
        <SpaceBetween size="s">
          <div>
            Root has one access key. It is kept in the file <code>credentials</code> of the data folder, or given to the
            server by <code>OUTCROP_ROOT_ACCESS_KEY_ID</code> and <code>OUTCROP_ROOT_SECRET_ACCESS_KEY</code>. It is not
            made, shown or deleted here: no request can read it, so nobody who finds an open console can take it.
          </div>
          <div>On the machine of the server, these show it and write it where AWS&apos;s tools look:</div>
          <Code code={'eval "$(outcrop env)"\noutcrop configure'} />
          <div>
            To replace it, stop the server, remove the file and start the server again; or change the two variables. The
            sessions of root end with it, also those of the console.
          </div>
          <div>Root cannot have a Bedrock API key. A user can.</div>
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}
