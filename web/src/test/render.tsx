import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, type RenderResult } from "@testing-library/react";
import { useMemo, type ReactNode } from "react";
import { MemoryRouter } from "react-router";
import type { Operation } from "@/api/types";
import { Client, ServiceError, type ServerEvent, type Streamed } from "@/client";
import { CallingContext } from "@/client/hooks";
import { BreadcrumbsProvider } from "@/shell/breadcrumbs";
import { Notifications, NotificationsProvider } from "@/shell/notifications";

type Given = { [member: string]: unknown };

/** What a test's server answers: a value, an error that is thrown, or a function of the input. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests name the types of their inputs themselves
export type Canned = object | string | number | null | undefined | ServiceError | ((input: any) => unknown);

/** Answers by the name of the operation, and by method and path for the operator API: "GET server". */
export interface Answers {
  [call: string]: Canned;
}

/** A client that answers from a table and remembers what it was asked. */
export class FakeClient extends Client {
  readonly asked: { call: string; input: Given }[] = [];
  readonly #answers: Answers;

  constructor(answers: Answers) {
    super({ region: () => "us-east-1", csrf: () => "csrf", ended: () => undefined });
    this.#answers = answers;
  }

  override async time(): Promise<Date> {
    return new Date("2026-03-10T12:00:00Z");
  }

  override now(): Date {
    return new Date("2026-03-10T12:00:00Z");
  }

  /** The inputs of a call, in the order in which they came. */
  inputs(call: string): Given[] {
    return this.asked.filter((a) => a.call === call).map((a) => a.input);
  }

  async #answer(call: string, input: unknown): Promise<unknown> {
    this.asked.push({ call, input: input as Given });
    if (!(call in this.#answers))
      throw new ServiceError({ code: "NoAnswer", message: `the test has no answer to ${call}` });
    const given = this.#answers[call];
    const answer: unknown = typeof given === "function" ? await (given as (input: unknown) => unknown)(input) : given;
    if (answer instanceof ServiceError) throw answer;
    return answer;
  }

  override async call<I extends object, O>(op: Operation<I, O>, input: I): Promise<O> {
    return (await this.#answer(op.name, input)) as O;
  }

  /** Answers are arrays of events, or functions that return an async iterable. */
  override async stream<I extends object, O, E>(op: Operation<I, O, E>, input: I): Promise<Streamed<O, E>> {
    const answer = await this.#answer(op.name, input);
    return { output: {} as O, requestId: "request", events: each(answer as Iterable<E> | AsyncIterable<E>) };
  }

  override async operator<T>(
    method: string,
    path: string,
    { body, query }: { body?: unknown; query?: Given } = {},
  ): Promise<T> {
    return (await this.#answer(`${method} ${path}`, body ?? query ?? {})) as T;
  }

  /** Server-sent events, by "EVENTS requests/live": as those of stream. The input is the query. */
  override async operatorEvents(path: string): Promise<AsyncIterable<ServerEvent>> {
    const [below = "", query] = path.split("?");
    const answer = await this.#answer(`EVENTS ${below}`, Object.fromEntries(new URLSearchParams(query)));
    return each(answer as Iterable<ServerEvent> | AsyncIterable<ServerEvent>);
  }
}

async function* each<E>(events: Iterable<E> | AsyncIterable<E>): AsyncGenerator<E, void, undefined> {
  yield* events;
}

/** Renders a page as the shell would, with answers in place of the server. */
export function renderPage(
  page: ReactNode,
  answers: Answers,
  { path = "/" }: { path?: string } = {},
): RenderResult & { client: FakeClient } {
  const client = new FakeClient(answers);
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const result = render(
    <I18nProvider locale="en" messages={[messages]}>
      <QueryClientProvider client={queries}>
        <MemoryRouter initialEntries={[path]}>
          <NotificationsProvider>
            <Calls client={client}>
              <BreadcrumbsProvider>
                <Notifications />
                {page}
              </BreadcrumbsProvider>
            </Calls>
          </NotificationsProvider>
        </MemoryRouter>
      </QueryClientProvider>
    </I18nProvider>,
  );
  return { ...result, client };
}

function Calls({ client, children }: { client: Client; children: ReactNode }) {
  const calling = useMemo(() => ({ client, region: "us-east-1" }), [client]);
  return <CallingContext.Provider value={calling}>{children}</CallingContext.Provider>;
}
