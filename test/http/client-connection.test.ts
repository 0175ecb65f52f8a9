/** What a connection is held to between, during and after its requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenTo } from './conversation.js';
import { startOrigin } from './origin.js';
import { LOOPBACK_OPEN, startRawOrigin, untilEnd } from './raw-origin.js';
import { configOf, startProxy } from './start-proxy.js';

const LIMIT = { timeout: 240_000 };
const DENIED = 'GET http://10.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n';

test(
  'limits.headerBytes and limits.headerFields hold for all methods as soon as they are reloaded',
  LIMIT,
  async () => {
    const proxy = await startProxy({ config: LOOPBACK_OPEN });
    const kept = await proxy.connect();
    const conversation = listenTo(kept);
    kept.write(DENIED);
    await conversation.until(({ text }) => text.includes('403'));
    await proxy.app.reload(await configOf({ version: 1, limits: { headerBytes: '1KiB', headerFields: 16 } }));
    const large = (method: string): string => `${method} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(1100)}\r\n\r\n`;
    kept.write(large('GET http://10.0.0.1/'));
    await conversation.until(({ ended }) => ended);
    assert.match(conversation.heard.text, /HTTP\/1\.1 431 /);
    const many = `GET http://10.0.0.1/ HTTP/1.1\r\nHost: a\r\n${'X: a\r\n'.repeat(16)}\r\n`;
    for (const head of [large('GET http://10.0.0.1/'), large('POST http://10.0.0.1/'), large('CONNECT a:1'), many]) {
      const client = await proxy.connect();
      const answer = untilEnd(client);
      client.write(head);
      assert.match(await answer, /^HTTP\/1\.1 431 .*\r\n[\s\S]*header-too-large/);
    }
    await proxy.stop();
  },
);

test('the next head of a connection has limits.headerTimeout, from its first byte', LIMIT, async () => {
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  const conversation = listenTo(client);
  client.write(DENIED);
  await conversation.until(({ text }) => text.includes('403'));
  await proxy.app.reload(await configOf({ version: 1, limits: { headerTimeout: '1s' } }));
  client.write('GET http://10.0.0.1/ HT');
  await conversation.until(({ ended }) => ended);
  assert.match(conversation.heard.text, /HTTP\/1\.1 408 [\s\S]*header-timeout/);
  await proxy.stop();
});

test('a fault in the content is answered with 400 where no answer is out, and closes', LIMIT, async () => {
  const origin = await startRawOrigin(() => undefined);
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  const answer = untilEnd(client);
  const { authority } = origin;
  client.write(`POST http://${authority}/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`);
  await origin.asked();
  client.write(`zz\r\n${DENIED}`);
  const text = await answer;
  assert.match(text, /^HTTP\/1\.1 400 [\s\S]*malformed-request/);
  assert.equal(text.split('HTTP/1.1 ').length, 2);
  assert.equal((await proxy.decision(0)).reason, 'malformed-request');
  await proxy.stop();
  await origin.close();
});

test('a request that is cut for the memory it takes is recorded as busy', LIMIT, async () => {
  const origin = await startRawOrigin(() => undefined);
  const proxy = await startProxy({ config: { ...LOOPBACK_OPEN, limits: { memory: '16MiB' } } });
  const clients = await Promise.all(Array.from({ length: 130 }, () => proxy.connect()));
  for (const client of clients) {
    client.on('error', () => undefined);
    client.write(`GET http://${origin.authority}/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(15_000)}\r\n\r\n`);
    await origin.asked();
  }
  for (const client of clients) client.write('x'.repeat(15_000));
  assert.equal((await proxy.decision(0)).reason, 'busy');
  for (const client of clients) client.resetAndDestroy();
  await proxy.stop();
  await origin.close();
});

test('an answer that comes before the content is whole leaves the connection to the next request', LIMIT, async () => {
  const origin = await startRawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  const conversation = listenTo(client);
  client.write(`POST http://${origin.authority}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234`);
  await conversation.until(({ text, ended }) => text.endsWith('ok') || ended);
  client.write(`56789${DENIED}`);
  await conversation.until(({ text, ended }) => text.includes('address-prohibited') || ended);
  assert.deepEqual(conversation.heard.text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 403']);
  client.destroy();
  await proxy.stop();
  await origin.close();
});

test('a client that ends its side after its request still gets its answer', LIMIT, async () => {
  const origin = await startOrigin();
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  const answer = untilEnd(client);
  client.end(`GET http://${origin.authority}/ HTTP/1.1\r\nHost: a\r\n\r\n${DENIED}`);
  assert.deepEqual((await answer).match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 403']);
  await proxy.stop();
  await origin.close();
});

test('an Upgrade that is cut for the memory that its early bytes take is recorded as busy, too', LIMIT, async () => {
  const origin = await startRawOrigin(() => undefined);
  // Of those that are not cut, the loss is not seen before their origin has answered.
  const limits = { memory: '16MiB', drainTimeout: '1s' };
  const proxy = await startProxy({ config: { ...LOOPBACK_OPEN, limits } });
  const clients = await Promise.all(Array.from({ length: 50 }, () => proxy.connect()));
  for (const client of clients) {
    client.on('error', () => undefined);
    client.write(
      `GET http://${origin.authority}/ HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n${'x'.repeat(60_000)}`,
    );
  }
  assert.equal((await proxy.decision(0)).reason, 'busy');
  for (const client of clients) client.resetAndDestroy();
  await proxy.stop();
  await origin.close();
});
