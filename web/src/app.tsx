import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { BrowserRouter } from "react-router";
import { asServiceError } from "@/client/errors";
import { Loading } from "@/components/loading";
import { SessionProvider, useSessionControl } from "@/session/provider";
import { SignIn } from "@/session/sign-in";
import { Boundary } from "@/shell/boundary";
import { useAppearance } from "@/shell/preferences";
import { Shell } from "@/shell/shell";

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (count, error) => count < 2 && asServiceError(error).transient,
        refetchOnWindowFocus: true,
      },
      mutations: { retry: false },
    },
  });
}

/** The console. token is that of a one-time link. */
export function App({ token }: { token?: string | undefined }) {
  const [queries] = useState(newQueryClient);
  return (
    <I18nProvider locale="en" messages={[messages]}>
      <QueryClientProvider client={queries}>
        <BrowserRouter basename="/console">
          <Boundary>
            <SessionProvider token={token}>
              <Gate />
            </SessionProvider>
          </Boundary>
        </BrowserRouter>
      </QueryClientProvider>
    </I18nProvider>
  );
}

/** The sign-in page, or the shell for who has signed in. A shell whose session has ended waits behind the sign-in. */
function Gate() {
  const { state, reload } = useSessionControl();
  useAppearance();
  const out = state.at === "signed-out";
  useEffect(() => {
    if (out) document.title = "Sign in - Outcrop";
  }, [out]);
  switch (state.at) {
    case "asking":
      return <Loading />;
    case "failed":
      return (
        <Box padding="xxl">
          <Alert
            type="error"
            header="The console does not reach its server"
            action={<Button onClick={() => void reload()}>Try again</Button>}
          >
            {state.error.message}
          </Alert>
        </Box>
      );
    case "signed-out":
      return <SignIn />;
    case "signed-in":
    case "ended":
      return (
        <>
          {state.at === "ended" && <SignIn />}
          <div hidden={state.at === "ended"}>
            <Shell key={state.session.principal.arn} />
          </div>
        </>
      );
  }
}
