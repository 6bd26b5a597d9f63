import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import {
  AddUserToGroup,
  CreateGroup,
  GetGroup,
  ListGroups,
  ListGroupsForUser,
  ListUsers,
  RemoveUserFromGroup,
  type Group,
  type Policy,
  type User,
} from "@/api/iam.gen";
import { asServiceError, useAction, useAll, useCall, type Client } from "@/client";
import { Answer, ConfirmDelete, Copyable, Empty, Failed, Page, ResourceTable, Time, type Column } from "@/components";
import { useNotify } from "@/shell/notifications";
import { deleteHolder, equip } from "./holder";
import { manyOptions, pathOf, To, useTab } from "./links";
import { nameProblem, Permissions, PolicyChoice } from "./permissions";
import { RenameModal } from "./rename";

const columns: readonly Column<Group>[] = [
  {
    id: "name",
    header: "Group name",
    cell: (g) => <To path={pathOf.group(g.GroupName)}>{g.GroupName}</To>,
    value: (g) => g.GroupName,
    main: true,
    minWidth: 180,
  },
  { id: "path", header: "Path", cell: (g) => g.Path, value: (g) => g.Path, hidden: true },
  {
    id: "created",
    header: "Created",
    cell: (g) => <Time at={g.CreateDate} />,
    value: (g) => g.CreateDate,
    minWidth: 190,
  },
  { id: "arn", header: "ARN", cell: (g) => <Copyable text={g.Arn} />, value: (g) => g.Arn },
];

/** All groups. */
export function Groups() {
  const groups = useAll(ListGroups, { MaxItems: 1000 }, (page) => page.Groups);
  const navigate = useNavigate();
  const [chosen, choose] = useState<Group[]>([]);
  const [deleting, setDeleting] = useState(false);
  const startCreate = () => void navigate("/access/groups/create");
  return (
    <>
      <ResourceTable
        id="iam-groups"
        title="Groups"
        description="Policies of a group hold for all of its users."
        items={groups.data}
        loading={groups.isPending}
        error={groups.error}
        retry={() => void groups.refetch()}
        what="list groups"
        columns={columns}
        trackBy={(g) => g.GroupName}
        selection="single"
        selected={chosen}
        onSelect={choose}
        empty={<Empty title="No groups" action={<Button onClick={startCreate}>Create group</Button>} />}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={chosen.length === 0} onClick={() => setDeleting(true)}>
              Delete
            </Button>
            <Button variant="primary" onClick={startCreate}>
              Create group
            </Button>
          </SpaceBetween>
        }
      />
      {deleting && chosen[0] && (
        <DeleteGroup
          name={chosen[0].GroupName}
          onClose={() => setDeleting(false)}
          onDone={() => {
            setDeleting(false);
            choose([]);
          }}
        />
      )}
    </>
  );
}

function DeleteGroup({ name, onClose, onDone }: { name: string; onClose: () => void; onDone: () => void }) {
  const remove = useAction((group: string, client) => deleteHolder(client, { sort: "group", name: group }), {
    done: `Group ${name} was deleted.`,
    stale: [ListGroups, ListGroupsForUser],
    quiet: true,
    onDone,
  });
  return (
    <ConfirmDelete
      visible
      what={`group ${name}`}
      word={name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(name)}
      onCancel={onClose}
    >
      Its users stay, without what its policies allow them. Its inline policies are deleted with it.
    </ConfirmDelete>
  );
}

export function CreateGroupPage() {
  const navigate = useNavigate();
  const notify = useNotify();
  const [name, setName] = useState("");
  const [users, setUsers] = useState<string[]>([]);
  const [policies, setPolicies] = useState<Policy[]>([]);
  const there = useAll(ListUsers, { MaxItems: 1000 }, (page) => page.Users);
  const run = useAction(
    async (group: { name: string; users: readonly string[]; policies: readonly Policy[] }, client: Client) => {
      await client.call(CreateGroup, { GroupName: group.name });
      const failures = await equip(
        client,
        { sort: "group", name: group.name },
        group.policies.map((p) => p.Arn ?? ""),
        [],
      );
      for (const UserName of group.users) {
        try {
          await client.call(AddUserToGroup, { GroupName: group.name, UserName });
        } catch (thrown) {
          failures.push(thrown);
        }
      }
      return failures;
    },
    {
      done: (_, group) => `Group ${group.name} was created.`,
      stale: [ListGroups, ListGroupsForUser],
      quiet: true,
      onDone: (failures, group) => {
        for (const failure of failures) notify.failed(asServiceError(failure));
        void navigate(pathOf.group(group.name));
      },
    },
  );
  const wrong = nameProblem(name);
  return (
    <Page
      title="Create group"
      crumbs={[
        { text: "Groups", path: "access/groups" },
        { text: "Create group", path: "access/groups/create" },
      ]}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== "" && !wrong) run.mutate({ name, users, policies });
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" onClick={() => void navigate("/access/groups")}>
                Cancel
              </Button>
              <Button variant="primary" loading={run.isPending} disabled={name === "" || wrong !== undefined}>
                Create group
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {run.error && <Failed what="create groups" error={run.error} />}
            <Container header={<Header variant="h2">Group</Header>}>
              <SpaceBetween size="m">
                <FormField label="Group name" errorText={wrong}>
                  <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
                </FormField>
                <FormField
                  label="Users"
                  errorText={there.error ? `The users cannot be listed: ${there.error.message}` : undefined}
                >
                  <Multiselect
                    selectedOptions={users.map((value) => ({ value, label: value }))}
                    options={there.data?.map(({ UserName }) => ({ value: UserName, label: UserName }))}
                    onChange={({ detail }) => setUsers(detail.selectedOptions.map((o) => o.value ?? ""))}
                    filteringType="auto"
                    placeholder="None"
                    empty="No users"
                    tokenLimit={10}
                    virtualScroll={manyOptions(there.data)}
                  />
                </FormField>
              </SpaceBetween>
            </Container>
            <PolicyChoice without={[]} chosen={policies} onChoose={setPolicies} />
          </SpaceBetween>
        </Form>
      </form>
    </Page>
  );
}

/** One group. */
export function GroupPage() {
  const { name = "" } = useParams();
  const navigate = useNavigate();
  const group = useCall(GetGroup, { GroupName: name, MaxItems: 1 });
  const [tab, setTab] = useTab("users");
  const [deleting, setDeleting] = useState(false);
  const [renaming, setRenaming] = useState(false);
  return (
    <Page
      title={name}
      crumbs={[
        { text: "Groups", path: "access/groups" },
        { text: name, path: pathOf.group(name).slice(1) },
      ]}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => setRenaming(true)}>Rename</Button>
          <Button onClick={() => setDeleting(true)}>Delete</Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Summary</Header>}>
          <Answer of={group} what="see this group">
            {({ Group: data }) => (
              <KeyValuePairs
                columns={3}
                items={[
                  { label: "ARN", value: <Copyable text={data.Arn} /> },
                  { label: "Group ID", value: <Copyable text={data.GroupId} /> },
                  { label: "Created", value: <Time at={data.CreateDate} /> },
                ]}
              />
            )}
          </Answer>
        </Container>
        <Tabs
          ariaLabel="Parts of the group"
          activeTabId={tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            { id: "users", label: "Users", content: <Members group={name} /> },
            { id: "permissions", label: "Permissions", content: <Permissions holder={{ sort: "group", name }} /> },
          ]}
        />
      </SpaceBetween>
      {renaming && (
        <RenameModal sort="group" name={name} path={group.data?.Group.Path ?? "/"} onClose={() => setRenaming(false)} />
      )}
      {deleting && (
        <DeleteGroup name={name} onClose={() => setDeleting(false)} onDone={() => void navigate("/access/groups")} />
      )}
    </Page>
  );
}

const memberColumns: readonly Column<User>[] = [
  {
    id: "name",
    header: "User",
    cell: (u) => <To path={pathOf.user(u.UserName)}>{u.UserName}</To>,
    value: (u) => u.UserName,
    main: true,
    minWidth: 180,
  },
  {
    id: "created",
    header: "Created",
    cell: (u) => <Time at={u.CreateDate} />,
    value: (u) => u.CreateDate,
    minWidth: 190,
  },
];

function Members({ group }: { group: string }) {
  const members = useAll(GetGroup, { GroupName: group, MaxItems: 1000 }, (page) => page.Users);
  const users = useAll(ListUsers, { MaxItems: 1000 }, (page) => page.Users);
  const [chosen, choose] = useState<User[]>([]);
  const [added, setAdded] = useState<string[]>([]);
  const stale = [GetGroup, ListGroupsForUser];
  const add = useAction(
    async (names: readonly string[], client) => {
      for (const UserName of names) await client.call(AddUserToGroup, { GroupName: group, UserName });
    },
    { done: (_, names) => `${names.join(", ")} added to ${group}.`, stale, onDone: () => setAdded([]) },
  );
  const remove = useAction(
    async (names: readonly string[], client) => {
      for (const UserName of names) await client.call(RemoveUserFromGroup, { GroupName: group, UserName });
    },
    { done: (_, names) => `${names.join(", ")} removed from ${group}.`, stale, onDone: () => choose([]) },
  );
  const has = new Set(members.data?.map((u) => u.UserName));
  return (
    <SpaceBetween size="m">
      <ResourceTable
        id="iam-members"
        title="Users"
        items={members.data}
        loading={members.isPending}
        error={members.error}
        retry={() => void members.refetch()}
        what="see the users of this group"
        columns={memberColumns}
        trackBy={(u) => u.UserName}
        selection="multi"
        selected={chosen}
        onSelect={choose}
        empty={<Empty title="Nobody is in this group" />}
        actions={
          <Button
            disabled={chosen.length === 0}
            loading={remove.isPending}
            onClick={() => remove.mutate(chosen.map((u) => u.UserName))}
          >
            Remove
          </Button>
        }
      />
      <Container>
        <SpaceBetween size="s">
          <FormField
            label="Add users"
            errorText={users.error ? `The users cannot be listed: ${users.error.message}` : undefined}
          >
            <Multiselect
              selectedOptions={added.map((value) => ({ value, label: value }))}
              options={users.data
                ?.filter((u) => !has.has(u.UserName))
                .map(({ UserName }) => ({ value: UserName, label: UserName }))}
              onChange={({ detail }) => setAdded(detail.selectedOptions.map((o) => o.value ?? ""))}
              filteringType="auto"
              placeholder="Choose users"
              empty="No other users"
              tokenLimit={10}
              virtualScroll={manyOptions(users.data)}
            />
          </FormField>
          <Button disabled={added.length === 0} loading={add.isPending} onClick={() => add.mutate(added)}>
            Add
          </Button>
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}
