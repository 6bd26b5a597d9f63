import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import {
  CreateAccessKey,
  CreateServiceSpecificCredential,
  DeleteAccessKey,
  DeleteServiceSpecificCredential,
  GetAccessKeyLastUsed,
  ListAccessKeys,
  ListServiceSpecificCredentials,
  ResetServiceSpecificCredential,
  UpdateAccessKey,
  UpdateServiceSpecificCredential,
  type AccessKeyMetadata,
  type ServiceSpecificCredentialMetadata,
} from "@/api/iam.gen";
import { useAll, useCall, useOperation, useServerTime } from "@/client";
import {
  ConfirmDelete,
  Copyable,
  Empty,
  Failed,
  none,
  ResourceTable,
  StatusBadge,
  Time,
  type Column,
} from "@/components";
import { pathOf, To } from "./links";
import { NewAccessKey, NewApiKey } from "./secret";

export const bedrock = "bedrock.amazonaws.com";

/** When and for what a key was used last. */
function LastUsed({ id }: { id: string }) {
  const used = useCall(GetAccessKeyLastUsed, { AccessKeyId: id });
  if (used.error?.denied) return <>Not allowed to see</>;
  const { LastUsedDate, ServiceName, Region } = used.data?.AccessKeyLastUsed ?? {};
  if (!used.data) return <>{none}</>;
  if (!LastUsedDate) return <>Never</>;
  return (
    <>
      <Time at={LastUsedDate} /> for {ServiceName} in {Region}
    </>
  );
}

function accessKeyColumns(
  change: (key: AccessKeyMetadata) => void,
  remove: (key: AccessKeyMetadata) => void,
): readonly Column<AccessKeyMetadata>[] {
  return [
    {
      id: "id",
      header: "Access key ID",
      cell: (k) => <Copyable text={k.AccessKeyId} />,
      value: (k) => k.AccessKeyId,
      main: true,
      width: 250,
    },
    { id: "status", header: "Status", cell: (k) => <StatusBadge status={k.Status} />, value: (k) => k.Status },
    { id: "created", header: "Created", cell: (k) => <Time at={k.CreateDate} />, value: (k) => k.CreateDate },
    { id: "used", header: "Last used", cell: (k) => <LastUsed id={k.AccessKeyId ?? ""} /> },
    {
      id: "actions",
      header: "Actions",
      cell: (k) => (
        <SpaceBetween direction="horizontal" size="s">
          <Button
            variant="inline-link"
            ariaLabel={`${k.Status === "Active" ? "Deactivate" : "Activate"} ${k.AccessKeyId}`}
            onClick={() => change(k)}
          >
            {k.Status === "Active" ? "Deactivate" : "Activate"}
          </Button>
          <Button variant="inline-link" ariaLabel={`Delete ${k.AccessKeyId}`} onClick={() => remove(k)}>
            Delete
          </Button>
        </SpaceBetween>
      ),
    },
  ];
}

/** The access keys of a user. */
export function AccessKeys({ user }: { user: string }) {
  const keys = useAll(ListAccessKeys, { UserName: user }, (page) => page.AccessKeyMetadata);
  const [deleting, setDeleting] = useState<AccessKeyMetadata>();
  const stale = [ListAccessKeys];
  const create = useOperation(CreateAccessKey, { stale });
  const update = useOperation(UpdateAccessKey, {
    done: (_, { AccessKeyId, Status }) => `Access key ${AccessKeyId} is ${Status?.toLowerCase()} now.`,
    stale,
  });
  const remove = useOperation(DeleteAccessKey, {
    done: (_, { AccessKeyId }) => `Access key ${AccessKeyId} was deleted.`,
    stale,
    quiet: true,
    onDone: () => setDeleting(undefined),
  });
  const columns = accessKeyColumns(
    (k) =>
      update.mutate({
        UserName: user,
        AccessKeyId: k.AccessKeyId ?? "",
        Status: k.Status === "Active" ? "Inactive" : "Active",
      }),
    (k) => {
      remove.reset();
      setDeleting(k);
    },
  );
  const button = (
    <Button loading={create.isPending} onClick={() => create.mutate({ UserName: user })}>
      Create access key
    </Button>
  );
  return (
    <>
      <ResourceTable
        id="iam-access-keys"
        title="Access keys"
        description="They sign requests, as AWS's SDKs and command line do. A user has two at most."
        items={keys.data}
        loading={keys.isPending}
        error={keys.error}
        retry={() => void keys.refetch()}
        what="list access keys"
        columns={columns}
        trackBy={(k) => k.AccessKeyId ?? ""}
        pageSize={10}
        empty={<Empty title="No access keys" action={button} />}
        actions={button}
      />
      {create.data && <NewAccessKey made={create.data.AccessKey} onClose={create.reset} />}
      <ConfirmDelete
        visible={deleting !== undefined}
        what={`access key ${deleting?.AccessKeyId ?? ""}`}
        word="confirm"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ UserName: user, AccessKeyId: deleting?.AccessKeyId ?? "" })}
        onCancel={() => setDeleting(undefined)}
      >
        What uses it is refused from now on, and it cannot be had again. To try first, deactivate it.
      </ConfirmDelete>
    </>
  );
}

const ages = [
  { value: "1", label: "1 day" },
  { value: "5", label: "5 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "365 days" },
  { value: "custom", label: "Another number of days" },
  { value: "never", label: "Never" },
];

export const longestAge = 36_600;

/** How long a key lives. undefined: it is not a number of days. */
export function ageOf(choice: string, custom: string): { CredentialAgeDays?: number } | undefined {
  if (choice === "never") return {};
  const days = Number(choice === "custom" ? custom : choice);
  return Number.isInteger(days) && days >= 1 && days <= longestAge ? { CredentialAgeDays: days } : undefined;
}

/** The field that asks when a key expires. */
export function AgeField({
  choice,
  custom,
  onChange,
}: {
  choice: string;
  custom: string;
  onChange: (choice: string, custom: string) => void;
}) {
  const age = ageOf(choice, custom);
  const days = age?.CredentialAgeDays;
  const now = useServerTime();
  const at = days === undefined || !now ? undefined : new Date(now.getTime() + days * 86_400_000);
  return (
    <SpaceBetween size="s">
      <FormField
        label="Expires after"
        constraintText={at ? <>About {at.toLocaleString(undefined, { dateStyle: "medium" })}.</> : undefined}
      >
        <Select
          selectedOption={ages.find((a) => a.value === choice) ?? null}
          options={ages}
          onChange={({ detail }) => onChange(detail.selectedOption.value ?? "", custom)}
        />
      </FormField>
      {choice === "custom" && (
        <FormField
          label="Days"
          errorText={custom !== "" && !age ? `A whole number from 1 to ${longestAge.toLocaleString()}.` : undefined}
        >
          <Input
            type="number"
            inputMode="numeric"
            value={custom}
            onChange={({ detail }) => onChange(choice, detail.value)}
          />
        </FormField>
      )}
    </SpaceBetween>
  );
}

type Key = ServiceSpecificCredentialMetadata;

const named = (k: Key) => k.ServiceCredentialAlias ?? k.ServiceSpecificCredentialId;

function apiKeyColumns(withUser: boolean, act: (key: Key, action: string) => void): readonly Column<Key>[] {
  return [
    { id: "name", header: "Name", cell: (k) => <Copyable text={named(k)} />, value: named, main: true, width: 370 },
    ...(withUser
      ? [
          {
            id: "user",
            header: "User",
            cell: (k: Key) => <To path={`${pathOf.user(k.UserName)}?tab=security`}>{k.UserName}</To>,
            value: (k: Key) => k.UserName,
          },
        ]
      : []),
    { id: "status", header: "Status", cell: (k) => <StatusBadge status={k.Status} />, value: (k) => k.Status },
    { id: "created", header: "Created", cell: (k) => <Time at={k.CreateDate} />, value: (k) => k.CreateDate },
    {
      id: "expires",
      header: "Expires",
      cell: (k) => (k.ExpirationDate ? <Time at={k.ExpirationDate} /> : "Never"),
      value: (k) => k.ExpirationDate,
    },
    {
      id: "id",
      header: "ID",
      cell: (k) => k.ServiceSpecificCredentialId,
      value: (k) => k.ServiceSpecificCredentialId,
      hidden: true,
    },
    {
      id: "actions",
      header: "Actions",
      cell: (k) => (
        <ButtonDropdown
          variant="inline-icon"
          expandToViewport
          ariaLabel={`Actions for ${named(k)}`}
          items={[
            { id: "status", text: k.Status === "Active" ? "Deactivate" : "Activate", disabled: k.Status === "Expired" },
            { id: "reset", text: "Make a new secret" },
            { id: "delete", text: "Delete" },
          ]}
          onItemClick={({ detail }) => act(k, detail.id)}
        />
      ),
    },
  ];
}

/** The table of API keys, of a user or of all of them. */
export function ApiKeyTable({
  keys,
  title = "API keys",
  description,
  withUser = false,
  actions,
  empty,
}: {
  keys: {
    data: ServiceSpecificCredentialMetadata[] | undefined;
    isPending: boolean;
    error: Parameters<typeof Failed>[0]["error"] | null;
    refetch: () => unknown;
  };
  title?: string;
  description?: React.ReactNode;
  withUser?: boolean;
  actions: React.ReactNode;
  empty: React.ReactNode;
}) {
  const [deleting, setDeleting] = useState<Key>();
  const [resetting, setResetting] = useState<Key>();
  const stale = [ListServiceSpecificCredentials];
  const update = useOperation(UpdateServiceSpecificCredential, {
    done: (_, { Status }) => `The API key is ${Status.toLowerCase()} now.`,
    stale,
  });
  const reset = useOperation(ResetServiceSpecificCredential, {
    stale,
    quiet: true,
    onDone: () => setResetting(undefined),
  });
  const remove = useOperation(DeleteServiceSpecificCredential, {
    done: "The API key was deleted.",
    stale,
    quiet: true,
    onDone: () => setDeleting(undefined),
  });
  const of = (k: Key) => ({ UserName: k.UserName, ServiceSpecificCredentialId: k.ServiceSpecificCredentialId });
  const columns = apiKeyColumns(withUser, (k, action) => {
    if (action === "status") {
      update.mutate({ ...of(k), Status: k.Status === "Active" ? "Inactive" : "Active" });
    } else if (action === "reset") {
      reset.reset();
      setResetting(k);
    } else {
      remove.reset();
      setDeleting(k);
    }
  });
  return (
    <>
      <ResourceTable
        id={withUser ? "iam-all-api-keys" : "iam-api-keys"}
        title={title}
        description={description}
        items={keys.data}
        loading={keys.isPending}
        error={keys.error}
        retry={() => void keys.refetch()}
        what="list API keys"
        filterPlaceholder="Find API keys"
        columns={columns}
        trackBy={(k) => k.ServiceSpecificCredentialId}
        empty={empty}
        actions={actions}
      />
      {reset.data?.ServiceSpecificCredential && (
        <NewApiKey made={reset.data.ServiceSpecificCredential} onClose={reset.reset} />
      )}
      <ConfirmDelete
        visible={resetting !== undefined}
        action="Replace"
        what={`the secret of ${resetting ? named(resetting) : ""}`}
        busy={reset.isPending}
        error={reset.error}
        onConfirm={() => resetting && reset.mutate(of(resetting))}
        onCancel={() => setResetting(undefined)}
      >
        The secret that it has now is refused at once, and a new one is shown.
      </ConfirmDelete>
      <ConfirmDelete
        visible={deleting !== undefined}
        what={`API key ${deleting ? named(deleting) : ""}`}
        word="confirm"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => deleting && remove.mutate(of(deleting))}
        onCancel={() => setDeleting(undefined)}
      >
        What uses it is refused from now on, and it cannot be had again.
      </ConfirmDelete>
    </>
  );
}

/** The Bedrock API keys of a user. */
export function ApiKeys({ user }: { user: string }) {
  const keys = useAll(
    ListServiceSpecificCredentials,
    { UserName: user, ServiceName: bedrock },
    (page) => page.ServiceSpecificCredentials,
  );
  const [asking, setAsking] = useState(false);
  const [age, setAge] = useState({ choice: "30", custom: "" });
  const create = useOperation(CreateServiceSpecificCredential, {
    stale: [ListServiceSpecificCredentials],
    quiet: true,
    onDone: () => setAsking(false),
  });
  const lives = ageOf(age.choice, age.custom);
  const button = (
    <Button
      onClick={() => {
        create.reset();
        setAsking(true);
      }}
    >
      Generate API key
    </Button>
  );
  return (
    <>
      <ApiKeyTable
        keys={keys}
        description="They are sent as they are (Authorization: Bearer), to Bedrock alone. A user has two at most."
        actions={button}
        empty={<Empty title="No API keys" action={button} />}
      />
      {asking && (
        <Modal
          visible
          header={`Generate an API key for ${user}`}
          onDismiss={() => setAsking(false)}
          footer={
            <Box float="right">
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => setAsking(false)}>
                  Cancel
                </Button>
                <Button
                  variant="primary"
                  disabled={!lives}
                  loading={create.isPending}
                  onClick={() => lives && create.mutate({ UserName: user, ServiceName: bedrock, ...lives })}
                >
                  Generate
                </Button>
              </SpaceBetween>
            </Box>
          }
        >
          <SpaceBetween size="m">
            {create.error && <Failed what="generate an API key" error={create.error} />}
            <AgeField {...age} onChange={(choice, custom) => setAge({ choice, custom })} />
          </SpaceBetween>
        </Modal>
      )}
      {create.data?.ServiceSpecificCredential && (
        <NewApiKey made={create.data.ServiceSpecificCredential} onClose={create.reset} />
      )}
    </>
  );
}
