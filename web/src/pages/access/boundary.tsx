import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import FormField from "@cloudscape-design/components/form-field";
import { useState } from "react";
import {
  DeleteRolePermissionsBoundary,
  DeleteUserPermissionsBoundary,
  GetRole,
  GetUser,
  ListEntitiesForPolicy,
  ListPolicies,
  PutRolePermissionsBoundary,
  PutUserPermissionsBoundary,
} from "@/api/iam.gen";
import { useAction, useAll } from "@/client";
import { isManagedByAWS, manyOptions, pathOf, To } from "./links";

/** The permissions boundary of a user or role: what they may do at most. */
export function Boundary({
  holder: { sort, name },
  arn,
  known,
}: {
  holder: { sort: "user" | "role"; name: string };
  arn: string | undefined;
  known: boolean;
}) {
  const [choosing, setChoosing] = useState(false);
  const [chosen, choose] = useState<string>();
  const policies = useAll(ListPolicies, { MaxItems: 1000 }, (page) => page.Policies, { enabled: choosing });
  const set = useAction(
    (boundary: string | undefined, client): Promise<unknown> => {
      if (sort === "user") {
        return boundary === undefined
          ? client.call(DeleteUserPermissionsBoundary, { UserName: name })
          : client.call(PutUserPermissionsBoundary, { UserName: name, PermissionsBoundary: boundary });
      }
      return boundary === undefined
        ? client.call(DeleteRolePermissionsBoundary, { RoleName: name })
        : client.call(PutRolePermissionsBoundary, { RoleName: name, PermissionsBoundary: boundary });
    },
    {
      done: (_, boundary) => (boundary === undefined ? "The boundary was removed." : "The boundary was set."),
      stale: [GetUser, GetRole, ListEntitiesForPolicy],
      onDone: () => setChoosing(false),
    },
  );
  if (!known) return null;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`What this ${sort} may do at most, whatever other policies allow.`}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {arn && (
                <Button loading={set.isPending} onClick={() => set.mutate(undefined)}>
                  Remove boundary
                </Button>
              )}
              <Button onClick={() => setChoosing(true)}>{arn ? "Change boundary" : "Set boundary"}</Button>
            </SpaceBetween>
          }
        >
          Permissions boundary
        </Header>
      }
    >
      <SpaceBetween size="m">
        {arn ? <To path={pathOf.policy(arn)}>{arn}</To> : <Box color="text-body-secondary">None is set.</Box>}
        {choosing && (
          <>
            <FormField
              label="Policy"
              errorText={policies.error ? `The policies cannot be listed: ${policies.error.message}` : undefined}
            >
              <Select
                selectedOption={chosen === undefined ? null : { value: chosen, label: chosen }}
                options={policies.data?.map(({ Arn, PolicyName }) => ({
                  value: Arn ?? "",
                  label: PolicyName ?? "",
                  description: isManagedByAWS(Arn) ? "AWS managed" : "Customer managed",
                }))}
                onChange={({ detail }) => choose(detail.selectedOption.value)}
                filteringType="auto"
                placeholder="Choose a policy"
                statusType={policies.isPending ? "loading" : "finished"}
                loadingText="Loading policies"
                virtualScroll={manyOptions(policies.data)}
              />
            </FormField>
            <SpaceBetween direction="horizontal" size="xs">
              <Button
                variant="primary"
                disabled={chosen === undefined}
                loading={set.isPending}
                onClick={() => set.mutate(chosen)}
              >
                Set
              </Button>
              <Button variant="link" onClick={() => setChoosing(false)}>
                Cancel
              </Button>
            </SpaceBetween>
          </>
        )}
      </SpaceBetween>
    </Container>
  );
}
