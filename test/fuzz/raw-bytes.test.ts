import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { listenTo } from '../http/conversation.js';
import { createCountingDialer } from '../http/counting-dialer.js';
import { CONNECT_CASES } from '../http/raw-connect.js';
import { FRAMING_CASES } from '../http/raw-framing.js';
import { REQUEST_CASES } from '../http/raw-requests.js';
import { type RunningProxy, startProxy } from '../http/start-proxy.js';
import { isProhibited } from './oracle.js';
import { fuzzer } from './settings.js';

const { fuzz, note } = fuzzer();

const SENT = [...FRAMING_CASES, ...REQUEST_CASES, ...CONNECT_CASES]
  .map(({ send }) => send.replaceAll('{o}', '93.184.215.14:80').replaceAll('{p}', '1'))
  .filter((text) => text.length < 4096);
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  'Host: a\r\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
];
const MORE_PIECES = [
  '0\r\n\r\n',
  'HTTP/1.1',
  'CONNECT ',
  '10.0.0.1:80',
  '[::1]:80',
  'http://169.254.169.254/',
  'Upgrade: x\r\n',
];

const piece = fc.oneof(
  fc.constantFrom(...PIECES, ...MORE_PIECES),
  fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 8 }),
);
const mutated = fc
  .tuple(fc.constantFrom(...SENT), fc.array(fc.tuple(fc.nat(200), fc.nat(8), piece), { maxLength: 4 }))
  .map(([text, edits]) =>
    edits.reduce((bytes, [at, length, insert]) => bytes.slice(0, at) + insert + bytes.slice(at + length), text),
  );
const bytes = fc.array(fc.oneof({ weight: 4, arbitrary: mutated }, { weight: 1, arbitrary: piece }), {
  minLength: 1,
  maxLength: 3,
});

/** Sends the parts, ends its side, and waits for the proxy to end its own. */
async function converse(proxy: RunningProxy, parts: readonly string[]): Promise<string> {
  const socket = await proxy.connect();
  const conversation = listenTo(socket);
  for (const part of parts) socket.write(Buffer.from(part, 'latin1'));
  socket.end();
  await conversation.until(({ ended }) => ended);
  socket.destroy();
  return conversation.heard.text;
}

test(`no bytes end the process, hang, or reach a special address (${note})`, async () => {
  const dialer = createCountingDialer();
  const proxy = await startProxy({ dialer, config: { policy: { default: 'public' }, limits: { drainTimeout: '1s' } } });
  try {
    await fuzz(
      fc.asyncProperty(bytes, async (parts) => {
        const text = await converse(proxy, parts);
        assert.match(text, /^(?:$|HTTP\/1\.1 [1-5]\d\d )/);
        assert.deepEqual(proxy.defects, []);
      }),
    );
    while (proxy.app.openConnections > 0) await setImmediate();
    const dialed = dialer.permits.flatMap(({ addresses }) => addresses.map(({ text }) => text));
    assert.deepEqual(dialed.filter(isProhibited), []);
    assert.equal(proxy.app.openTunnels, 0);
  } finally {
    await proxy.stop();
  }
});
