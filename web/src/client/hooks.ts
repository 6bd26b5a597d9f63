import {
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";
import { createContext, useContext } from "react";
import type { Operation } from "@/api/types";
import { useNotify } from "@/shell/notifications";
import type { Client } from "./client";
import { aborted, asServiceError, sessionEnded, type ServiceError } from "./errors";

/** The region that is chosen, and the client that calls in it. */
export interface Calling {
  client: Client;
  region: string;
}

export const CallingContext = createContext<Calling | undefined>(undefined);

export function useCalling(): Calling {
  const calling = useContext(CallingContext);
  if (!calling) throw new Error("there is no client around this component");
  return calling;
}

/** The client, for what no hook does: streams, buckets, loops. */
export function useClient(): Client {
  return useCalling().client;
}

/** The server's time to the minute; undefined until it is known. Not the browser's, whose clock may be wrong. */
export function useServerTime(): Date | undefined {
  const { client } = useCalling();
  return useQuery({
    queryKey: ["time"],
    queryFn: ({ signal }) => client.time({ signal }),
    staleTime: 0,
    refetchInterval: 60_000,
  }).data;
}

/** The chosen region. */
export function useRegion(): string {
  return useCalling().region;
}

export interface ReadOptions {
  /** Nothing is asked while it is false. */
  enabled?: boolean;
  /** Milliseconds after which it is asked again, or false. */
  refetchInterval?: number | false;
  region?: string;
}

type AnyOperation = Operation<never, unknown, unknown>;

const keyOf = (op: AnyOperation) => ["call", op.service.id, op.name] as const;

/** The answer of an operation that changes nothing. */
export function useCall<I extends object, O>(
  op: Operation<I, O>,
  input: I,
  { region, ...options }: ReadOptions = {},
): UseQueryResult<O, ServiceError> {
  const calling = useCalling();
  const at = region ?? calling.region;
  return useQuery<O, ServiceError>({
    queryKey: [...keyOf(op), at, input],
    queryFn: ({ signal }) => calling.client.call(op, input, { signal, region: at }),
    ...options,
  });
}

/** The items of all pages of a listing. */
export function useAll<I extends object, O extends object, T>(
  op: Operation<I, O>,
  input: I,
  items: (output: O) => readonly T[] | undefined,
  { region, ...options }: ReadOptions = {},
): UseQueryResult<T[], ServiceError> {
  const calling = useCalling();
  const at = region ?? calling.region;
  return useQuery<T[], ServiceError>({
    queryKey: [...keyOf(op), at, input, "all"],
    queryFn: ({ signal }) => calling.client.all(op, input, items, { signal, region: at }),
    ...options,
  });
}

/** The answer of GET /outcrop/<path>. */
export function useOperator<T>(
  path: string,
  query: { [key: string]: string | number | boolean | undefined } = {},
  { region, ...options }: ReadOptions = {},
): UseQueryResult<T, ServiceError> {
  const calling = useCalling();
  const at = region ?? calling.region;
  return useQuery<T, ServiceError>({
    queryKey: ["operator", path, at, query],
    queryFn: ({ signal }) => calling.client.operator<T>("GET", path, { query, signal, region: at }),
    ...options,
  });
}

/** What is out of date once an action is done: operations, or paths of the operator API. */
export type Stale = readonly (AnyOperation | string)[];

export interface ActionOptions<I, O> {
  /** What the flash message says when it is done; without one there is none. */
  done?: string | ((output: O, input: I) => string);
  stale?: Stale;
  /** Errors are not flashed: the page shows them itself, by result.error. */
  quiet?: boolean;
  onDone?: (output: O, input: I) => void;
}

/** Anything that changes something: run.mutate(input). */
export function useAction<I, O>(
  act: (input: I, client: Client) => Promise<O>,
  options: ActionOptions<I, O> = {},
): UseMutationResult<O, ServiceError, I> {
  const { client } = useCalling();
  const queries = useQueryClient();
  const notify = useNotify();
  return useMutation<O, ServiceError, I>({
    mutationFn: async (input) => {
      try {
        return await act(input, client);
      } catch (thrown) {
        throw asServiceError(thrown);
      }
    },
    onSuccess: async (output, input) => {
      const { done, stale = [], onDone } = options;
      if (done) notify.success(typeof done === "function" ? done(output, input) : done);
      onDone?.(output, input);
      await Promise.all(
        stale.map((of) =>
          queries.invalidateQueries({ queryKey: typeof of === "string" ? ["operator", of] : keyOf(of) }),
        ),
      );
    },
    onError: (error) => {
      if (!options.quiet && !aborted(error) && error.code !== sessionEnded) notify.failed(error);
    },
  });
}

/** An operation that changes something. */
export function useOperation<I extends object, O>(
  op: Operation<I, O>,
  options: ActionOptions<I, O> = {},
): UseMutationResult<O, ServiceError, I> {
  return useAction<I, O>((input, client) => client.call(op, input), options);
}
