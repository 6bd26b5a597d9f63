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
import TagEditor, { type TagEditorProps } from "@cloudscape-design/components/tag-editor";
import { useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import {
  AddUserToGroup,
  CreateUser,
  GetGroup,
  GetUser,
  ListGroups,
  ListGroupsForUser,
  ListUsers,
  ListUserTags,
  RemoveUserFromGroup,
  TagUser,
  UntagUser,
  type Group,
  type Policy,
  type Tag,
  type User,
} from "@/api/iam.gen";
import { asServiceError, useAction, useAll, useCall, type Client } from "@/client";
import {
  Answer,
  ConfirmDelete,
  Copyable,
  Empty,
  Failed,
  none,
  Page,
  ResourceTable,
  Time,
  type Column,
} from "@/components";
import { useNotify } from "@/shell/notifications";
import { Boundary } from "./boundary";
import { deleteHolder, equip } from "./holder";
import { AccessKeys, ApiKeys } from "./keys";
import { manyOptions, pathOf, To, useTab } from "./links";
import { nameProblem, Permissions, PolicyChoice } from "./permissions";
import { RenameModal } from "./rename";
import { mostTags, Tags, tagsOf } from "./tags";

const columns: readonly Column<User>[] = [
  {
    id: "name",
    header: "User name",
    cell: (u) => <To path={pathOf.user(u.UserName)}>{u.UserName}</To>,
    value: (u) => u.UserName,
    main: true,
    minWidth: 180,
  },
  { id: "path", header: "Path", cell: (u) => u.Path, value: (u) => u.Path, hidden: true },
  {
    id: "created",
    header: "Created",
    cell: (u) => <Time at={u.CreateDate} />,
    value: (u) => u.CreateDate,
    minWidth: 190,
  },
  { id: "arn", header: "ARN", cell: (u) => <Copyable text={u.Arn} />, value: (u) => u.Arn },
  { id: "id", header: "User ID", cell: (u) => u.UserId, value: (u) => u.UserId, hidden: true },
];

/** All users. */
export function Users() {
  const users = useAll(ListUsers, { MaxItems: 1000 }, (page) => page.Users);
  const navigate = useNavigate();
  const [chosen, choose] = useState<User[]>([]);
  const [deleting, setDeleting] = useState(false);
  const startCreate = () => void navigate("/access/users/create");
  return (
    <>
      <ResourceTable
        id="iam-users"
        title="Users"
        description="People and programs, each with keys of their own."
        items={users.data}
        loading={users.isPending}
        error={users.error}
        retry={() => void users.refetch()}
        what="list users"
        columns={columns}
        trackBy={(u) => u.UserName}
        selection="single"
        selected={chosen}
        onSelect={choose}
        empty={
          <Empty title="No users" action={<Button onClick={startCreate}>Create user</Button>}>
            Only the account&apos;s root can use this server.
          </Empty>
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={chosen.length === 0} onClick={() => setDeleting(true)}>
              Delete
            </Button>
            <Button variant="primary" onClick={startCreate}>
              Create user
            </Button>
          </SpaceBetween>
        }
      />
      {deleting && chosen[0] && (
        <DeleteUser
          name={chosen[0].UserName}
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

function DeleteUser({ name, onClose, onDone }: { name: string; onClose: () => void; onDone: () => void }) {
  const remove = useAction((user: string, client) => deleteHolder(client, { sort: "user", name: user }), {
    done: `User ${name} was deleted.`,
    stale: [ListUsers, GetGroup],
    quiet: true,
    onDone,
  });
  return (
    <ConfirmDelete
      visible
      what={`user ${name}`}
      word={name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(name)}
      onCancel={onClose}
    >
      Their access keys, API keys and inline policies are deleted with them, and what uses the keys is refused at once.
    </ConfirmDelete>
  );
}

interface NewUser {
  name: string;
  path: string;
  policies: readonly Policy[];
  groups: readonly string[];
  tags: Tag[];
}

async function create(user: NewUser, client: Client) {
  await client.call(CreateUser, {
    UserName: user.name,
    ...(user.path === "" ? {} : { Path: user.path }),
    ...(user.tags.length === 0 ? {} : { Tags: user.tags }),
  });
  return equip(
    client,
    { sort: "user", name: user.name },
    user.policies.map((p) => p.Arn ?? ""),
    user.groups,
  );
}

export function CreateUserPage() {
  const navigate = useNavigate();
  const notify = useNotify();
  const [params] = useSearchParams();
  const asked = params.get("policy");
  const [name, setName] = useState("");
  const [path, setPath] = useState("");
  const [groups, setGroups] = useState<string[]>([]);
  const [policies, setPolicies] = useState<Policy[]>(
    asked ? [{ Arn: `arn:aws:iam::aws:policy/${asked}`, PolicyName: asked }] : [],
  );
  const [tags, setTags] = useState<readonly TagEditorProps.Tag[]>([]);
  const [tagsValid, setTagsValid] = useState(true);
  const there = useAll(ListGroups, { MaxItems: 1000 }, (page) => page.Groups);
  const run = useAction(create, {
    done: (_, user) => `User ${user.name} was created. Give them a key under Security credentials.`,
    stale: [ListUsers, GetGroup],
    quiet: true,
    onDone: (failures, user) => {
      for (const failure of failures) notify.failed(asServiceError(failure));
      void navigate(`${pathOf.user(user.name)}?tab=security`);
    },
  });
  const wrong = nameProblem(name, 64);
  return (
    <Page
      title="Create user"
      crumbs={[
        { text: "Users", path: "access/users" },
        { text: "Create user", path: "access/users/create" },
      ]}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== "" && !wrong && tagsValid) run.mutate({ name, path, policies, groups, tags: tagsOf(tags) });
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" onClick={() => void navigate("/access/users")}>
                Cancel
              </Button>
              <Button
                variant="primary"
                loading={run.isPending}
                disabled={name === "" || wrong !== undefined || !tagsValid}
              >
                Create user
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {run.error && <Failed what="create users" error={run.error} />}
            <Container header={<Header variant="h2">User</Header>}>
              <SpaceBetween size="m">
                <FormField label="User name" errorText={wrong}>
                  <Input value={name} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
                </FormField>
                <FormField label="Path" description="Optional, such as /teams/search/.">
                  <Input
                    value={path}
                    onChange={({ detail }) => setPath(detail.value)}
                    autoComplete="off"
                    placeholder="/"
                  />
                </FormField>
                <FormField
                  label="Groups"
                  errorText={there.error ? `The groups cannot be listed: ${there.error.message}` : undefined}
                >
                  <Multiselect
                    selectedOptions={groups.map((value) => ({ value, label: value }))}
                    options={there.data?.map(({ GroupName }) => ({ value: GroupName, label: GroupName }))}
                    onChange={({ detail }) => setGroups(detail.selectedOptions.map((o) => o.value ?? ""))}
                    filteringType="auto"
                    placeholder="None"
                    empty="No groups"
                    virtualScroll={manyOptions(there.data)}
                    statusType={there.isPending ? "loading" : "finished"}
                    loadingText="Loading groups"
                  />
                </FormField>
              </SpaceBetween>
            </Container>
            <PolicyChoice without={[]} chosen={policies} onChoose={setPolicies} />
            <Container header={<Header variant="h2">Tags</Header>}>
              <TagEditor
                tags={tags}
                onChange={({ detail }) => {
                  setTags(detail.tags);
                  setTagsValid(detail.valid);
                }}
                tagLimit={mostTags}
              />
            </Container>
          </SpaceBetween>
        </Form>
      </form>
    </Page>
  );
}

/** One user. */
export function UserPage() {
  const { name = "" } = useParams();
  const navigate = useNavigate();
  const user = useCall(GetUser, { UserName: name });
  const tags = useAll(ListUserTags, { UserName: name }, (page) => page.Tags);
  const [tab, setTab] = useTab("permissions");
  const [deleting, setDeleting] = useState(false);
  const [renaming, setRenaming] = useState(false);
  const holder = { sort: "user", name } as const;
  return (
    <Page
      title={name}
      crumbs={[
        { text: "Users", path: "access/users" },
        { text: name, path: pathOf.user(name).slice(1) },
      ]}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => void navigate(`/access/explain?principal=${encodeURIComponent(`user/${name}`)}`)}>
            Explain a decision
          </Button>
          <Button onClick={() => setRenaming(true)}>Rename</Button>
          <Button onClick={() => setDeleting(true)}>Delete</Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Summary</Header>}>
          <Answer of={user} what="see this user">
            {({ User: data }) => (
              <KeyValuePairs
                columns={4}
                items={[
                  { label: "ARN", value: <Copyable text={data.Arn} /> },
                  { label: "User ID", value: <Copyable text={data.UserId} /> },
                  { label: "Created", value: <Time at={data.CreateDate} /> },
                  { label: "Path", value: data.Path || none },
                ]}
              />
            )}
          </Answer>
        </Container>
        <Tabs
          ariaLabel="Parts of the user"
          activeTabId={tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            {
              id: "permissions",
              label: "Permissions",
              content: (
                <SpaceBetween size="l">
                  <Permissions holder={holder} />
                  <Boundary
                    holder={holder}
                    arn={user.data?.User.PermissionsBoundary?.PermissionsBoundaryArn}
                    known={user.data !== undefined}
                  />
                </SpaceBetween>
              ),
            },
            { id: "groups", label: "Groups", content: <GroupsOf user={name} /> },
            {
              id: "security",
              label: "Security credentials",
              content: (
                <SpaceBetween size="l">
                  <AccessKeys user={name} />
                  <ApiKeys user={name} />
                </SpaceBetween>
              ),
            },
            {
              id: "tags",
              label: "Tags",
              content: (
                <Tags
                  tags={tags.data}
                  error={tags.error}
                  retry={() => void tags.refetch()}
                  stale={[ListUserTags]}
                  change={async (client, set, remove) => {
                    if (remove.length > 0) await client.call(UntagUser, { UserName: name, TagKeys: remove });
                    if (set.length > 0) await client.call(TagUser, { UserName: name, Tags: set });
                  }}
                />
              ),
            },
          ]}
        />
      </SpaceBetween>
      {renaming && (
        <RenameModal sort="user" name={name} path={user.data?.User.Path ?? "/"} onClose={() => setRenaming(false)} />
      )}
      {deleting && (
        <DeleteUser name={name} onClose={() => setDeleting(false)} onDone={() => void navigate("/access/users")} />
      )}
    </Page>
  );
}

const groupColumns: readonly Column<Group>[] = [
  {
    id: "name",
    header: "Group",
    cell: (g) => <To path={pathOf.group(g.GroupName)}>{g.GroupName}</To>,
    value: (g) => g.GroupName,
    main: true,
    minWidth: 180,
  },
  { id: "arn", header: "ARN", cell: (g) => <Copyable text={g.Arn} />, value: (g) => g.Arn },
];

function GroupsOf({ user }: { user: string }) {
  const groups = useAll(ListGroupsForUser, { UserName: user }, (page) => page.Groups);
  const all = useAll(ListGroups, { MaxItems: 1000 }, (page) => page.Groups);
  const [chosen, choose] = useState<Group[]>([]);
  const [added, setAdded] = useState<string[]>([]);
  const stale = [ListGroupsForUser, GetGroup];
  const add = useAction(
    async (names: readonly string[], client) => {
      for (const GroupName of names) await client.call(AddUserToGroup, { GroupName, UserName: user });
    },
    { done: `${user} was added.`, stale, onDone: () => setAdded([]) },
  );
  const remove = useAction(
    async (names: readonly string[], client) => {
      for (const GroupName of names) await client.call(RemoveUserFromGroup, { GroupName, UserName: user });
    },
    { done: `${user} was removed.`, stale, onDone: () => choose([]) },
  );
  const has = new Set(groups.data?.map((g) => g.GroupName));
  return (
    <SpaceBetween size="m">
      <ResourceTable
        id="iam-groups-of-user"
        title="Groups"
        items={groups.data}
        loading={groups.isPending}
        error={groups.error}
        retry={() => void groups.refetch()}
        what="see the groups of this user"
        columns={groupColumns}
        trackBy={(g) => g.GroupName}
        selection="multi"
        selected={chosen}
        onSelect={choose}
        pageSize={10}
        empty={<Empty title="In no group">Policies of a group hold for all of its users.</Empty>}
        actions={
          <Button
            disabled={chosen.length === 0}
            loading={remove.isPending}
            onClick={() => remove.mutate(chosen.map((g) => g.GroupName))}
          >
            Remove
          </Button>
        }
      />
      <Container>
        <SpaceBetween size="s">
          <FormField
            label="Add to groups"
            errorText={all.error ? `The groups cannot be listed: ${all.error.message}` : undefined}
          >
            <Multiselect
              selectedOptions={added.map((value) => ({ value, label: value }))}
              options={all.data
                ?.filter((g) => !has.has(g.GroupName))
                .map(({ GroupName }) => ({ value: GroupName, label: GroupName }))}
              onChange={({ detail }) => setAdded(detail.selectedOptions.map((o) => o.value ?? ""))}
              filteringType="auto"
              placeholder="Choose groups"
              empty="No other groups"
              virtualScroll={manyOptions(all.data)}
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
