// OpenAI's own SDK at the door for its clients. The server is the one that
// test/launch has started with ../frameworks/rules.yaml.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, test } from 'node:test';

import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const MODEL = 'openai.gpt-oss-120b';
const CAPITAL = 'What is the capital of France?';
const WORDS = ['Paris', ' is', ' the', ' capital', ' of', ' France.'];

const weather = { name: 'get_weather', description: 'The weather.', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } };
const person = z.object({ name: z.string(), age: z.number().int() });

let client;

before(() => {
  const keys = execFileSync(process.env.TESTED_BINARY, ['keys', 'create', '--user', 'js-door', '--api-key'], { encoding: 'utf8' });
  const [, apiKey] = /AWS_BEARER_TOKEN_BEDROCK=(ABSK\S+)/.exec(keys);
  client = new OpenAI({ baseURL: `http://${process.env.TESTED_ADDRESS}/openai/v1`, apiKey, maxRetries: 0 });
});

const user = (content) => [{ role: 'user', content }];

test('a chat', async () => {
  const { data, response } = await client.chat.completions.create({ model: MODEL, messages: [{ role: 'developer', content: 'Be brief.' }, ...user(CAPITAL)] }).withResponse();
  assert.equal(data.choices[0].message.content, WORDS.join(''));
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.equal(data.model, MODEL);
  assert.equal(data.usage.completion_tokens, WORDS.length);
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + WORDS.length);
  assert.equal(data._request_id, response.headers.get('x-request-id'));
});

test('a chat in a stream', async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: user(CAPITAL), stream_options: { include_usage: true } });
  const pieces = [];
  stream.on('content', (piece) => pieces.push(piece));
  const final = await stream.finalChatCompletion();
  assert.deepEqual(pieces.filter(Boolean), WORDS);
  assert.equal(final.choices[0].message.content, WORDS.join(''));
  assert.equal(final.usage.completion_tokens, WORDS.length);
});

test('a chat that is stopped', async () => {
  const stream = await client.chat.completions.create({ model: MODEL, messages: user(CAPITAL), stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) {
      break;
    }
  }
  assert.ok(stream.controller.signal.aborted);
});

for (const stream of [false, true]) {
  test(`a tool loop${stream ? ' in a stream' : ''}`, async () => {
    const asked = [];
    const tools = [{ type: 'function', function: { ...weather, parse: JSON.parse, function: ({ city }) => { asked.push(city); return `sunny in ${city}`; } } }];
    const runner = client.chat.completions.runTools({ model: MODEL, messages: user('How is the weather?'), tools, stream });
    assert.equal(await runner.finalContent(), 'The forecast says: sunny in Lisbon');
    assert.deepEqual(asked, ['Lisbon']);
    const [, call, result] = runner.messages;
    assert.equal(call.content, 'Let me look.');
    assert.equal(result.tool_call_id, call.tool_calls[0].id);
  });
}

test('structured output', async () => {
  const answer = await client.chat.completions.parse({ model: MODEL, messages: user('Name a person.'), response_format: zodResponseFormat(person, 'person') });
  assert.deepEqual(answer.choices[0].message.parsed, { name: 'Ada', age: 36 });
});

test('a response', async () => {
  const response = await client.responses.create({ model: MODEL, instructions: 'Be brief.', input: CAPITAL });
  assert.equal(response.output_text, WORDS.join(''));
  assert.equal(response.status, 'completed');
  const kept = await client.responses.retrieve(response.id);
  assert.equal(kept.output_text, response.output_text);
});

test('a response in a stream', async () => {
  const stream = client.responses.stream({ model: MODEL, input: CAPITAL });
  const pieces = [];
  const kinds = new Set();
  for await (const event of stream) {
    kinds.add(event.type);
    if (event.type === 'response.output_text.delta') {
      pieces.push(event.delta);
    }
  }
  assert.deepEqual(pieces, WORDS);
  assert.equal((await stream.finalResponse()).output_text, WORDS.join(''));
  for (const kind of ['response.created', 'response.output_item.added', 'response.content_part.done', 'response.output_item.done', 'response.completed']) {
    assert.ok(kinds.has(kind), kind);
  }
});

test('a tool loop of responses', async () => {
  const tools = [{ type: 'function', strict: false, ...weather }];
  const first = await client.responses.create({ model: MODEL, input: 'How is the weather?', tools });
  const call = first.output.find((item) => item.type === 'function_call');
  assert.deepEqual([call.name, JSON.parse(call.arguments)], ['get_weather', { city: 'Lisbon' }]);
  const output = { type: 'function_call_output', call_id: call.call_id, output: 'sunny in Lisbon' };
  const second = await client.responses.create({ model: MODEL, previous_response_id: first.id, input: [output], tools });
  assert.equal(second.output_text, 'The forecast says: sunny in Lisbon');
  await client.responses.delete(first.id);
  await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
});

test('structured output of a response', async () => {
  const response = await client.responses.parse({ model: MODEL, input: 'Name a person.', text: { format: zodTextFormat(person, 'person') } });
  assert.deepEqual(response.output_parsed, { name: 'Ada', age: 36 });
});

test('embeddings', async () => {
  const ask = (input, options) => client.embeddings.create({ model: 'amazon.titan-embed-text-v2:0', input, dimensions: 256, ...options });
  const { data, usage } = await ask(['the sea', 'a refund']); // packed, which the SDK asks for and opens
  const plain = await ask('the sea', { encoding_format: 'float' });
  assert.deepEqual(data.map((e) => e.embedding.length), [256, 256]);
  assert.deepEqual(data[0].embedding.map(Math.fround), plain.data[0].embedding.map(Math.fround));
  assert.notDeepEqual(data[0].embedding, data[1].embedding);
  assert.ok(usage.prompt_tokens > 0);
});

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    ids.push(model.id);
  }
  assert.ok(ids.includes(MODEL));
  assert.equal((await client.models.retrieve(MODEL)).owned_by, 'openai');
});

test('errors are the classes of the SDK', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'no.such-model', messages: user('x') }), (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found');
  await assert.rejects(client.chat.completions.create({ model: MODEL, messages: [...user('x'), { role: 'tool', tool_call_id: 'c', content: 'y' }] }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === 'messages[1].role');
  const stranger = client.withOptions({ apiKey: 'sk-wrong' });
  await assert.rejects(stranger.models.list(), OpenAI.PermissionDeniedError);
});

test('a model that is busy is asked again', async () => {
  const answer = await client.withOptions({ maxRetries: 2 }).chat.completions.create({ model: MODEL, messages: user('JavaScript: are you busy?') });
  assert.equal(answer.choices[0].message.content, 'Not any more.');
});
