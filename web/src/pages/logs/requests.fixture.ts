import type { RequestSummary } from "@/api/outcrop.gen";

const start = Date.parse("2026-03-01T00:00:00Z");

/** A request as tests need one. */
export function requestOf(n: number, more: Partial<RequestSummary> = {}): RequestSummary {
  return {
    id: `r${n}`,
    time: new Date(start + n).toISOString(),
    state: "done",
    service: "bedrock-runtime",
    operation: "Converse",
    region: "us-east-1",
    principal: "arn:aws:iam::000000000000:user/alice",
    accessKeyId: "AKIA1",
    sourceIp: "127.0.0.1",
    userAgent: "test",
    model: "amazon.nova-lite-v1:0",
    modelId: "amazon.nova-lite-v1:0",
    servedBy: "llamacpp/small",
    backend: "llamacpp",
    standIn: true,
    status: 200,
    code: "",
    message: "",
    latencyMs: 1,
    firstTokenMs: 0,
    tokens: { input: 1, output: 2, cacheRead: 0, cacheWrite: 0 },
    costUsd: "0",
    priced: true,
    ...more,
  };
}
