import { expect, test } from "vitest";
import { detail } from "./model.fixture";
import { bodyOf, samples } from "./samples";

const server = { endpoint: "https://bedrock.example.com", region: "eu-central-1" };

test.each(["boto3", "AWS CLI", "curl", "Go", "JavaScript", "LangChain"])("%s talks to this server", (label) => {
  const code = samples(detail("amazon.nova-micro-v1:0"), "eu.amazon.nova-micro-v1:0", server).find(
    (sample) => sample.label === label,
  )?.code;
  expect(code).toContain("https://bedrock.example.com");
  // An API key says nothing of a region, and a signature that curl makes is not always right.
  expect(code).toContain(label === "curl" ? "Bearer $AWS_BEARER_TOKEN_BEDROCK" : "eu-central-1");
  expect(code).toContain(
    label === "curl" ? "/model/eu.amazon.nova-micro-v1%3A0/converse" : "eu.amazon.nova-micro-v1:0",
  );
});

test("bodies are those of the native formats", () => {
  const of = (id: string, nativeFormat: string) => bodyOf(detail(id, { nativeFormat, kind: "embedding" }));
  expect(of("amazon.titan-embed-text-v2:0", "titan-embed-v2")).toEqual({ inputText: "Basalt is a dark rock." });
  expect(of("cohere.rerank-v3-5:0", "rerank")).toHaveProperty("api_version", 2);
  expect(of("amazon.rerank-v1:0", "rerank")).not.toHaveProperty("api_version");
  expect(of("stability.stable-outpaint-v1:0", "stability-edit")).toHaveProperty("left");
  expect(of("amazon.nova-sonic-v1:0", "nova-sonic-bidi")).toBeUndefined();
});

test("files are read by the samples, and only where it is short to say", () => {
  const list = samples(
    detail("stability.stable-fast-upscale-v1:0", { kind: "image", nativeFormat: "stability-edit" }),
    "us.stability.stable-fast-upscale-v1:0",
    server,
  );
  expect(list.map((sample) => sample.label)).toEqual(["boto3", "AWS CLI", "curl"]);
  expect(list[0]?.code).toContain('"image": file("image.png")');
  expect(list[2]?.code).toContain("$(base64 < image.png | tr -d '[:space:]')");
});
