import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useNavigate } from "react-router";
import {
  GetGroup,
  GetUser,
  ListGroups,
  ListGroupsForUser,
  ListUsers,
  UpdateGroup,
  UpdateUser,
  type UpdateGroupInput,
  type UpdateUserInput,
} from "@/api/iam.gen";
import { useAction } from "@/client";
import { Failed } from "@/components";
import { pathOf } from "./links";
import { nameProblem } from "./permissions";

/** Gives a user or a group another name, or another path. */
export function RenameModal({
  sort,
  name,
  path,
  onClose,
}: {
  sort: "user" | "group";
  name: string;
  /** The path that it has now. */
  path: string;
  onClose: () => void;
}) {
  const navigate = useNavigate();
  const [newName, setName] = useState(name);
  const [newPath, setPath] = useState(path);
  const run = useAction(
    async (to: { name: string; path: string }, client) => {
      const user: UpdateUserInput = {
        UserName: name,
        ...(to.name === name ? {} : { NewUserName: to.name }),
        ...(to.path === path ? {} : { NewPath: to.path }),
      };
      const group: UpdateGroupInput = {
        GroupName: name,
        ...(to.name === name ? {} : { NewGroupName: to.name }),
        ...(to.path === path ? {} : { NewPath: to.path }),
      };
      await (sort === "user" ? client.call(UpdateUser, user) : client.call(UpdateGroup, group));
    },
    {
      done: (_, to) => (to.name === name ? `The path is ${to.path} now.` : `The ${sort} ${name} is ${to.name} now.`),
      stale: [ListUsers, GetUser, ListGroups, GetGroup, ListGroupsForUser],
      quiet: true,
      onDone: (_, to) => {
        onClose();
        void navigate(pathOf[sort](to.name), { replace: true });
      },
    },
  );
  const wrong = nameProblem(newName, sort === "user" ? 64 : 128);
  const wrongPath = /^\/([!-~]+\/)?$/.test(newPath) ? undefined : "It begins and ends with /, as /teams/search/ does.";
  const same = newName === name && newPath === path;
  const ready = newName !== "" && !wrong && !wrongPath && !same;
  return (
    <Modal
      visible
      header={`Rename ${sort} ${name}`}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" form="rename" formAction="submit" disabled={!ready} loading={run.isPending}>
              Rename
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        id="rename"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) run.mutate({ name: newName, path: newPath });
        }}
      >
        <Form>
          <SpaceBetween size="m">
            {run.error && <Failed what={`rename the ${sort}`} error={run.error} />}
            <Box>
              {sort === "user"
                ? "Keys, groups, tags and policies stay theirs."
                : "Its users and its policies stay in it."}{" "}
              What knows the {sort} by the old name or ARN, such as other policies, budgets and programs, has to be
              changed as well. The log and the bill keep the old name for what was before.
            </Box>
            <FormField label="Name" errorText={wrong}>
              <Input value={newName} onChange={({ detail }) => setName(detail.value)} autoComplete="off" autoFocus />
            </FormField>
            <FormField label="Path" errorText={wrongPath}>
              <Input value={newPath} onChange={({ detail }) => setPath(detail.value)} autoComplete="off" />
            </FormField>
          </SpaceBetween>
        </Form>
      </form>
    </Modal>
  );
}
