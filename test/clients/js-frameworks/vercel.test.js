// The Vercel AI SDK. The server is the one that test/launch has started with
// ../frameworks/rules.yaml, and the environment is a user's.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock';
import { createBedrockAnthropic } from '@ai-sdk/amazon-bedrock/anthropic';
import { embed, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const WORDS = ['Paris', ' is', ' the', ' capital', ' of', ' France.'];

// It does not know AWS_ENDPOINT_URL: the address is a setting.
const baseURL = process.env.AWS_ENDPOINT_URL;
const bedrock = createAmazonBedrock({ baseURL });
const anthropic = createBedrockAnthropic({ baseURL });
const script = `http://${process.env.TESTED_ADDRESS}/outcrop/script`;

const models = { 'Converse': bedrock(CLAUDE), 'InvokeModel': anthropic(CLAUDE) };

const getWeather = tool({
  description: 'The weather.',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

async function calls(after) {
  const page = await (await fetch(`${script}/calls?limit=1000&after=${after}`)).json();
  // The tests of other files ask at the same time, at a door.
  return page.calls.filter((call) => call.kind === 'generate' && ['Converse', 'InvokeModel'].includes(call.operation));
}

async function begin() {
  return (await (await fetch(`${script}/`)).json()).calls;
}

for (const [name, model] of Object.entries(models)) {
  test(`${name}: a chat`, async () => {
    const { text, usage, finishReason } = await generateText({ model, system: 'Be brief.', prompt: 'What is the capital of France?' });
    assert.equal(text, 'Paris is the capital of France.');
    assert.equal(finishReason, 'stop');
    assert.equal(usage.outputTokens, 6);
  });

  test(`${name}: a stream`, async () => {
    const pieces = [];
    for await (const piece of streamText({ model, prompt: 'What is the capital of France?' }).textStream) {
      pieces.push(piece);
    }
    assert.deepEqual(pieces, WORDS);
  });

  test(`${name}: a tool loop`, async () => {
    const after = await begin();
    const { text, steps } = await generateText({ model, prompt: 'How is the weather?', tools: { get_weather: getWeather }, stopWhen: stepCountIs(3) });
    assert.equal(text, 'The forecast says: sunny in Lisbon');
    assert.deepEqual(steps[0].toolCalls.map((call) => call.input), [{ city: 'Lisbon' }]);
    assert.deepEqual((await calls(after)).map((call) => call.rule), ['weather, the call', 'weather, the answer']);
  });

  test(`${name}: a tool loop in a stream`, async () => {
    const result = streamText({ model, prompt: 'How is the weather?', tools: { get_weather: getWeather }, stopWhen: stepCountIs(3) });
    let text = '';
    for await (const piece of result.textStream) {
      text += piece;
    }
    assert.equal(text, 'Let me look.The forecast says: sunny in Lisbon');
  });

  test(`${name}: structured output`, async () => {
    const schema = z.object({ name: z.string(), age: z.number().int() });
    const { output } = await generateText({ model, prompt: 'Name a person.', output: Output.object({ schema }) });
    assert.deepEqual(output, { name: 'Ada', age: 36 });
  });
}

test('embeddings', async () => {
  const model = bedrock.embedding('amazon.titan-embed-text-v2:0');
  const [first, again, other] = await Promise.all(['the sea', 'the sea', 'a refund'].map(async (value) => (await embed({ model, value })).embedding));
  assert.equal(first.length, 1024);
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
});
