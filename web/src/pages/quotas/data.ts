import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ListServiceQuotas } from "@/api/service-quotas.gen";
import { useAll, useClient, useRegion, type ServiceError } from "@/client";
import { allQuotas, ofServiceQuotas, withUse, type Quota } from "./quota";

/** How often it is asked what is used, and how often what the values are. */
const often = 3000;
const seldom = 60_000;

/** The quotas of the region with what is used of them now, as far as one may see them. */
export function useQuotas() {
  const client = useClient();
  const region = useRegion();
  const values = useQuery<Quota[], ServiceError>({
    queryKey: ["operator", "quota-use", region, "all"],
    queryFn: ({ signal }) => allQuotas(client, region, false, signal),
    refetchInterval: (query) => (query.state.error ? false : seldom),
  });
  const live = useQuery<Quota[], ServiceError>({
    queryKey: ["operator", "quota-use", region, "used"],
    queryFn: ({ signal }) => allQuotas(client, region, true, signal),
    enabled: values.data !== undefined,
    refetchInterval: (query) => (query.state.error?.denied ? false : often),
  });
  // Who may not see what is used may see the values.
  const denied = values.data === undefined && values.error?.denied === true;
  const listed = useAll(ListServiceQuotas, { ServiceCode: "bedrock", MaxResults: 100 }, (page) => page.Quotas, {
    enabled: denied,
  });
  const quotas = useMemo(() => {
    if (denied) return listed.data?.map(ofServiceQuotas);
    return values.data && live.data ? withUse(values.data, live.data) : values.data;
  }, [denied, listed.data, values.data, live.data]);
  return {
    quotas,
    /** Why it is not told what is used. */
    unseen: denied ? values.error : live.error,
    pending: denied ? listed.isPending : values.isPending,
    error: denied ? listed.error : values.error,
    retry: () => void (denied ? listed.refetch() : values.refetch()),
    at: live.dataUpdatedAt,
  };
}
