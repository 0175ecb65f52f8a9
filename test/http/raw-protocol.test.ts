import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { listenTo } from './conversation.js';
import { type Origin, startOrigin, startRawOrigin } from './origin.js';
import type { RawCase } from './raw-case.js';
import { CONNECT_CASES } from './raw-connect.js';
import { FRAMING_CASES } from './raw-framing.js';
import { REQUEST_CASES } from './raw-requests.js';
import { RESPONSE_CASES } from './raw-responses.js';
import { parseResponses } from './responses.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

const CASES = [...FRAMING_CASES, ...REQUEST_CASES, ...CONNECT_CASES, ...RESPONSE_CASES];

let proxy: RunningProxy;

before(async () => {
  proxy = await startProxy({
    config: {
      policy: { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
      clients: [
        { name: 'tool', token: '0123456789abcdef' },
        { name: 'here', address: '127.0.0.1/32' },
      ],
      limits: { drainTimeout: '1s' },
    },
  });
});
after(() => proxy.stop());

test('the corpus has at least ninety cases, each with its section and a name of its own', () => {
  assert.ok(CASES.length >= 90);
  assert.equal(new Set(CASES.map(({ rule }) => rule)).size, CASES.length);
  for (const { rule, rfc } of CASES) assert.match(rfc, /^\d{4} \d+(\.\d+)*$/, rule);
});

for (const one of CASES) {
  test(`RFC ${one.rfc}: ${one.rule}`, { timeout: 10_000 }, async () => {
    const origin = one.reply === undefined ? await startOrigin() : await startRawOrigin(one.reply);
    const records = proxy.decisions.length;
    try {
      await run(one, origin);
      assert.deepEqual(origin.requests, one.forwarded, 'what the origin got');
      while (proxy.app.openConnections > 0) await setImmediate();
      assert.deepEqual(proxy.defects, []);
      assert.ok(proxy.decisions.length > records, 'a decision record');
    } finally {
      await origin.close();
    }
  });
}

test('the proxy serves on after all of it', { timeout: 10_000 }, async () => {
  const origin = await startOrigin();
  const plain: RawCase = {
    ...{ rule: 'plain', rfc: '9112 3', send: 'GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n' },
    ...{ statuses: [[200]], forwarded: ['GET /'], closes: false },
  };
  await run(plain, origin);
  assert.equal(proxy.app.openTunnels, 0);
  await origin.close();
});

async function run(one: RawCase, origin: Origin): Promise<void> {
  const fill = (text: string): string => text.replaceAll('{o}', origin.authority).replaceAll('{p}', String(proxy.port));
  const socket = await proxy.connect();
  const conversation = listenTo(socket);
  socket.write(Buffer.from(fill(one.send), 'latin1'));
  await conversation.until(({ text, ended }) => ended || (!one.closes && isAnswered(one, text)));
  socket.end();
  await conversation.until(({ ended }) => ended);
  const { text } = conversation.heard;
  const { responses, rest } = parseResponses(text, true);
  const got = responses.map(({ status }) => status);
  const expected = one.statuses.map((sequence) => sequence.join(' ')).join(' or ');
  assert.ok(
    one.statuses.some((sequence) => sequence.join() === got.join()),
    `${got.join(' ') || 'no answer'}, not ${expected}: ${JSON.stringify(text.slice(0, 500))}`,
  );
  if (!one.statuses.some((sequence) => sequence.length === 0))
    assert.equal(rest, '', 'bytes that belong to no response');
  if (one.reads !== undefined)
    assert.match(text, new RegExp(fill(one.reads.source).replaceAll('\\{o\\}', origin.authority)));
  if (one.readsNot !== undefined) assert.doesNotMatch(text, one.readsNot);
  if (!socket.closed) await once(socket, 'close');
}

function isAnswered(one: RawCase, text: string): boolean {
  const { responses } = parseResponses(text, false);
  return one.statuses.some((sequence) => sequence.length > 0 && sequence.length <= responses.length);
}
