import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import type { Pull, PullRequest } from "@/api/outcrop.gen";
import { useAction } from "@/client";
import { bytes } from "@/components";
import { progressText, percent, running } from "./words";

const stale = ["local-models"] as const;

/** Starts a pull; one that stopped goes on from where it was. */
export function usePull(onDone?: () => void) {
  return useAction((body: PullRequest, client) => client.operator<Pull>("POST", "local-models/pulls", { body }), {
    stale,
    ...(onDone ? { onDone, quiet: true } : {}),
  });
}

/** The downloads that run, and the last ones that are over: of each source the newest. */
export function Pulls({ pulls: given }: { pulls: readonly Pull[] }) {
  const pulls = useMemo(
    () => given.filter((pull, i) => running(pull) || given.findIndex((p) => p.source === pull.source) === i),
    [given],
  );
  const [all, showAll] = useState(false);
  const most = 5;
  const shown = all ? pulls : pulls.filter((pull, i) => running(pull) || i < most);
  return (
    <Container
      header={
        <Header variant="h2" counter={`(${pulls.filter(running).length} running)`}>
          Pulls
        </Header>
      }
    >
      <SpaceBetween size="l">
        {shown.map((pull) => (
          <One key={pull.id} pull={pull} />
        ))}
        {shown.length < pulls.length && (
          <Button variant="link" onClick={() => showAll(true)}>{`Show all ${pulls.length}`}</Button>
        )}
      </SpaceBetween>
    </Container>
  );
}

function One({ pull }: { pull: Pull }) {
  const cancel = useAction(
    (id: string, client) => client.operator<Pull>("DELETE", `local-models/pulls/${encodeURIComponent(id)}`),
    { stale, done: "The pull was cancelled. What has arrived is kept." },
  );
  const forget = useAction(
    (id: string, client) => client.operator<Pull>("DELETE", `local-models/pulls/${encodeURIComponent(id)}`),
    { stale },
  );
  const dismiss = {
    dismissible: true,
    dismissAriaLabel: `Take the pull of ${pull.name || pull.source} out of the list`,
    onDismiss: () => forget.mutate(pull.id),
  };
  const again = usePull();
  const value = percent(pull);
  const title = pull.name || pull.source;
  // Of an address only a part is told: without what may be secret, and without its digest.
  const whole = !pull.source.includes("://");
  const resume = whole && (
    <Button loading={again.isPending} onClick={() => again.mutate({ source: pull.source, name: pull.name })}>
      {pull.bytes > 0 ? "Go on" : "Try again"}
    </Button>
  );
  if (pull.state === "failed" && pull.error) {
    return (
      <Alert type="error" header={`${title} could not be pulled`} action={resume} {...dismiss}>
        {pull.error.message} ({pull.error.code})
        <Box variant="small" display="block">
          Pull {pull.id}, {progressText(pull)}
        </Box>
      </Alert>
    );
  }
  if (pull.state === "cancelled") {
    return (
      <Alert type="info" header={`${title} was cancelled`} action={resume} {...dismiss}>
        {progressText(pull)}. What has arrived is kept: pulled again, it goes on from there.
      </Alert>
    );
  }
  return (
    <div className="pull">
      <ProgressBar
        label={title}
        description={pull.name && pull.name !== pull.source ? pull.source : undefined}
        value={value ?? 0}
        status={running(pull) ? "in-progress" : "success"}
        additionalInfo={
          running(pull)
            ? [progressText(pull), pull.step, pull.note].filter((text) => text !== "").join(". ")
            : undefined
        }
        resultText={`${title} was pulled: ${bytes(pull.bytes)}`}
      />
      {running(pull) ? (
        <Button
          loading={cancel.isPending}
          onClick={() => cancel.mutate(pull.id)}
          ariaLabel={`Cancel the pull of ${title}`}
        >
          Cancel
        </Button>
      ) : (
        <Button
          variant="icon"
          iconName="close"
          loading={forget.isPending}
          ariaLabel={dismiss.dismissAriaLabel}
          onClick={dismiss.onDismiss}
        />
      )}
    </div>
  );
}
