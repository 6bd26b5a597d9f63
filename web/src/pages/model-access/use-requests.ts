import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { AccessRequest, AccessRequests } from "@/api/outcrop.gen";
import { useClient, useRegion, type ServiceError } from "@/client";

export type Requests = UseQueryResult<{ mode: string; requests: AccessRequest[] }, ServiceError>;

/** All requests of the account, page by page. */
export function useRequests(): Requests {
  const client = useClient();
  const region = useRegion();
  return useQuery<{ mode: string; requests: AccessRequest[] }, ServiceError>({
    queryKey: ["operator", "access-requests", region],
    queryFn: async ({ signal }) => {
      const requests: AccessRequest[] = [];
      let nextToken: string | undefined;
      for (;;) {
        const query = { limit: 1000, nextToken };
        const page = await client.operator<AccessRequests>("GET", "access-requests", { query, signal });
        requests.push(...page.requests);
        if (page.nextToken === "") return { mode: page.mode, requests };
        nextToken = page.nextToken;
      }
    },
    refetchInterval: ({ state }) => (state.error ? false : 15_000),
  });
}
