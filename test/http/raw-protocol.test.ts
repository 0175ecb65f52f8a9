import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { untilClosed } from '../net/until-closed.js';
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
/** Of the request that stands before a case. */
let first: Origin;

before(async () => {
  first = await startOrigin();
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
after(async () => {
  await proxy.stop();
  await first.close();
});

test('the corpus has at least ninety cases, each with its section and a name of its own', () => {
  assert.ok(CASES.length >= 90);
  assert.equal(new Set(CASES.map(({ rule }) => rule)).size, CASES.length);
  for (const { rule, rfc } of CASES) assert.match(rfc, /^\d{4} \d+(\.\d+)*$/, rule);
});

/** What stands before a case on its connection, and must make no difference to it. */
const POSITIONS = [
  { where: '', before: '' },
  { where: ', after a GET', before: 'GET http://{b}/before HTTP/1.1\r\nHost: {b}\r\n\r\n' },
];

/** What the first position of each case was answered: the second may not choose another of its alternatives. */
const answered = new Map<string, string>();
const MATRIX = CASES.flatMap((one) => POSITIONS.map((position) => ({ one, ...position })));

for (const { one, where, before } of MATRIX) {
  test(`RFC ${one.rfc}: ${one.rule}${where}`, { timeout: 240_000 }, async () => {
    const origin = one.reply === undefined ? await startOrigin() : await startRawOrigin(one.reply);
    const records = proxy.decisions.length + (before === '' ? 0 : 1);
    try {
      const got = await run(one, origin, before.replaceAll('{b}', first.authority));
      assert.equal(got, answered.get(one.rule) ?? got, 'the same answer in both positions');
      answered.set(one.rule, got);
      assert.deepEqual(origin.requests, one.forwarded, 'what the origin got');
      while (proxy.app.openConnections > 0) await setImmediate();
      assert.deepEqual(proxy.defects, []);
      assert.ok(proxy.decisions.length > records, 'a decision record');
    } finally {
      await origin.close();
    }
  });
}

test('the proxy still serves after every raw case', { timeout: 240_000 }, async () => {
  const origin = await startOrigin();
  const plain: RawCase = {
    ...{ rule: 'plain', rfc: '9112 3', send: 'GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n' },
    ...{ statuses: [[200]], forwarded: ['GET /'], closes: false },
  };
  await run(plain, origin, '');
  assert.equal(proxy.app.openTunnels, 0);
  await origin.close();
});

async function run(one: RawCase, origin: Origin, before: string): Promise<string> {
  const fill = (text: string): string => text.replaceAll('{o}', origin.authority).replaceAll('{p}', String(proxy.port));
  const socket = await proxy.connect();
  const conversation = listenTo(socket);
  socket.write(Buffer.from(before + fill(one.send), 'latin1'));
  if (before !== '') await conversation.until(({ text }) => afterFirst(text) !== null);
  await conversation.until(
    ({ text, ended }) => ended || (!one.closes && isAnswered(one, before === '' ? text : (afterFirst(text) ?? ''))),
  );
  socket.end();
  await conversation.until(({ ended }) => ended);
  const text = before === '' ? conversation.heard.text : (afterFirst(conversation.heard.text) ?? '');
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
  await untilClosed(socket);
  return got.join();
}

/** What comes after the answer to the request before the case; null where that is not whole. */
function afterFirst(text: string): string | null {
  const answer = /^HTTP\/1\.1 200 OK\r\n(?:[^\r\n]+\r\n)*\r\nok/.exec(text);
  return answer === null ? null : text.slice(answer[0].length);
}

function isAnswered(one: RawCase, text: string): boolean {
  const { responses } = parseResponses(text, false);
  return one.statuses.some((sequence) => sequence.length > 0 && sequence.length <= responses.length);
}
