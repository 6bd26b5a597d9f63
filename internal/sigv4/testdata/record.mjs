// Records what the JavaScript SDK really sends, as raw HTTP, into
// clients/javascript-*.req. Run it in a folder where
// @aws-sdk/client-bedrock-runtime is installed, with the output folder:
//
//   node record.mjs OUT
import net from "node:net";
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const require = createRequire(path.join(process.cwd(), "x.js"));
const { BedrockRuntimeClient, ConverseStreamCommand, InvokeModelCommand } = require("@aws-sdk/client-bedrock-runtime");
const { NodeHttpHandler } = require("@smithy/node-http-handler");

const out = process.argv[2];
let caught;
const server = net.createServer((socket) => {
  let data = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    data = Buffer.concat([data, chunk]);
    const at = data.indexOf("\r\n\r\n");
    const length = /content-length: *(\d+)/i.exec(data.subarray(0, at).toString("latin1"));
    if (at >= 0 && data.length >= at + 4 + Number(length?.[1] ?? 0)) {
      caught = data;
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    }
  });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const endpoint = `http://127.0.0.1:${server.address().port}`;
const client = (credentials) =>
  new BedrockRuntimeClient({
    region: "us-west-2", endpoint, maxAttempts: 1, requestHandler: new NodeHttpHandler(),
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ...credentials },
  });

async function record(name, client, command) {
  await client.send(command).catch(() => {});
  // The agent header names the machine; it is not signed.
  const text = caught.toString("latin1").replace(/^(user-agent): .*$/im, "$1: javascript");
  fs.writeFileSync(path.join(out, `javascript-${name}.req`), text, "latin1");
}

await record("converse-stream-arn", client(), new ConverseStreamCommand({
  modelId: "arn:aws:bedrock:us-west-2:000000000000:inference-profile/us.anthropic.claude-3-haiku-20240307-v1:0",
  messages: [{ role: "user", content: [{ text: "Grüße, 世界" }] }],
}));
await record("invoke-model-token", client({ sessionToken: "AQoDYXdzEPT//token==" }), new InvokeModelCommand({
  modelId: "anthropic.claude-3-haiku-20240307-v1:0", body: '{"anthropic_version":"bedrock-2023-05-31"}', contentType: "application/json",
}));
server.close();
