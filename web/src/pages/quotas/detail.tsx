import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useParams } from "react-router";
import { GetServiceQuota, ListRequestedServiceQuotaChangeHistoryByQuota } from "@/api/service-quotas.gen";
import { useAll, useCall } from "@/client";
import { Answer, CodeSample, Copyable, Empty, Page, ResourceTable } from "@/components";
import { useQuotas } from "./data";
import { IncreaseModal } from "./increase";
import { classes, metrics, ofServiceQuotas, valueText } from "./quota";
import { requestColumns } from "./requests";
import { Use } from "./use";

/** What being beyond a quota looks like, by what it counts. */
const beyond: { readonly [metric: string]: string } = {
  "requests-per-minute": "ThrottlingException (429): Too many requests, please wait before trying again.",
  "tokens-per-minute": "ThrottlingException (429): Too many tokens, please wait before trying again.",
  "tokens-per-day": "ThrottlingException (429): Too many tokens per day, please wait before trying again.",
  concurrency: "ServiceUnavailableException (503): Too many connections, please wait before trying again.",
};

/** One quota. */
export function QuotaPage() {
  const { code = "" } = useParams();
  const told = useCall(GetServiceQuota, { ServiceCode: "bedrock", QuotaCode: code });
  const { quotas, unseen } = useQuotas();
  const [asking, setAsking] = useState(false);
  const quota = quotas?.find((q) => q.quotaCode === code) ?? (told.data?.Quota && ofServiceQuotas(told.data.Quota));
  const history = useAll(
    ListRequestedServiceQuotaChangeHistoryByQuota,
    { ServiceCode: "bedrock", QuotaCode: code, MaxResults: 100 },
    (page) => page.RequestedQuotas,
    { refetchInterval: 10_000 },
  );
  const name = quota?.quotaName ?? code;
  return (
    <Page
      title={name}
      crumbs={[
        {
          text: quota ? `${quota.model}: ${metrics[quota.metric] ?? code}` : code,
          path: `quotas/quota/${encodeURIComponent(code)}`,
        },
      ]}
      actions={
        <Button
          variant="primary"
          disabled={!quota || !quota.adjustable || quota.value === null}
          disabledReason={quota?.value === null ? "It is unlimited" : "This quota cannot be changed"}
          onClick={() => setAsking(true)}
        >
          Request increase
        </Button>
      }
    >
      <SpaceBetween size="l">
        {unseen && (
          <Alert type="info" header="What is used now is not shown">
            {unseen.message}
          </Alert>
        )}
        {quota ? (
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                { label: "Value", value: valueText(quota.value) },
                { label: "Used now", value: <Use quota={quota} /> },
                { label: "Default", value: valueText(quota.default) },
                { label: "Adjustable", value: quota.adjustable ? "Yes" : "No" },
                { label: "Model", value: quota.model },
                { label: "Counts", value: metrics[quota.metric] ?? quota.metric },
                { label: "Asked for by", value: classes[quota.class] ?? quota.class },
                { label: "Code", value: <Copyable text={code} /> },
                { label: "ARN", value: <Copyable text={told.data?.Quota?.QuotaArn} /> },
                { label: "Beyond it", value: beyond[quota.metric] ?? "" },
              ]}
            />
          </Container>
        ) : (
          <Answer of={told} what="see this quota">
            {() => null}
          </Answer>
        )}
        <ResourceTable
          id="quota-history-of"
          title="Increase requests"
          items={history.data}
          loading={history.isPending}
          error={history.error}
          retry={() => void history.refetch()}
          what="see the requests"
          columns={requestColumns}
          trackBy={(r) => r.Id ?? ""}
          sort="-created"
          pageSize={10}
          empty={<Empty title="Nobody has asked for more of it" />}
        />
        <Container header={<Header variant="h2">By program</Header>}>
          <CodeSample
            samples={[
              {
                label: "AWS CLI",
                code: `aws service-quotas request-service-quota-increase --service-code bedrock \\\n  --quota-code ${code} --desired-value 1000`,
              },
              {
                label: "boto3",
                code: `import boto3\n\nquotas = boto3.client("service-quotas")\nprint(quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="${code}")["Quota"]["Value"])`,
              },
              { label: "On the server", code: `outcrop quota list\noutcrop quota requests\noutcrop quota approve ID` },
            ]}
          />
        </Container>
      </SpaceBetween>
      {asking && quota && <IncreaseModal quota={quota} onClose={() => setAsking(false)} />}
    </Page>
  );
}
