/** What arrives with, after and in place of the first head of a connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { listenTo } from './conversation.js';
import { startOrigin } from './origin.js';
import { LOOPBACK_OPEN, untilEnd } from './raw-origin.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

const LIMIT = { timeout: 240_000 };

let proxy: RunningProxy;

before(async () => {
  proxy = await startProxy({ config: { ...LOOPBACK_OPEN, limits: { headerBytes: '4KiB' } } });
});
after(() => proxy.stop());

async function answerTo(text: string, of = proxy): Promise<string> {
  const socket = await of.connect();
  const answer = untilEnd(socket);
  socket.write(Buffer.from(text, 'latin1'));
  return answer;
}

test('more than is kept of what comes after a CONNECT still arrives whole', LIMIT, async () => {
  const sent = Buffer.alloc(3_000_000, 'early bytes, ');
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  assert.ok(at !== null && typeof at === 'object');
  const accepted = once(server, 'connection');
  const client = await proxy.connect();
  const authority = `127.0.0.1:${at.port}`;
  client.end(Buffer.concat([Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`), sent]));
  const [origin] = await accepted;
  const arrived: Buffer[] = [];
  for await (const piece of origin) arrived.push(piece);
  assert.ok(Buffer.concat(arrived).equals(sent));
  origin.end();
  server.close();
  await once(client.resume(), 'close');
});

test('what comes after a refused CONNECT is dropped, however much it is', LIMIT, async () => {
  const client = await proxy.connect();
  const conversation = listenTo(client);
  client.write('CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: 10.0.0.1:443\r\n\r\n');
  client.write(Buffer.alloc(200_000, 'GET http://127.0.0.1/ HTTP/1.1\r\n\r\n'));
  await conversation.until(({ ended }) => ended);
  assert.match(conversation.heard.text, /^HTTP\/1\.1 403 /);
  assert.equal(conversation.heard.text.split('HTTP/1.1 ').length, 2);
});

test('a head that does not come to its end is answered with its reason', LIMIT, async () => {
  assert.match(await answerTo(`CONNECT a:1 HTTP/1.1\r\nX: ${'a'.repeat(5000)}`), /^HTTP\/1\.1 431 /);
  assert.match(await answerTo('CONNECT a:1 HTTP/1.1\nHost: a\n\n'), /^HTTP\/1\.1 400 /);
});

test(
  'a head that is late is answered with 408, and a connection without a byte is closed in time and leaves no record',
  LIMIT,
  async () => {
    const hurried = await startProxy({ config: { limits: { headerTimeout: '3s' } } });
    const [late, silent] = await Promise.all([
      answerTo('CONNECT a:1 HTTP/1.1\r\nHost: a', hurried),
      answerTo('', hurried),
    ]);
    assert.match(late, /^HTTP\/1\.1 408 .*\r\n[\s\S]*header-timeout/);
    assert.deepEqual([silent, hurried.decisions.length], ['', 1]);
    await hurried.stop();
  },
);

test('half a head and an end is answered, and recorded', LIMIT, async () => {
  const records = proxy.decisions.length;
  const socket = await proxy.connect({ allowHalfOpen: true });
  const answer = untilEnd(socket);
  socket.end('CONNECT a:1 HTTP/1.1\r\nHo');
  assert.match(await answer, /^HTTP\/1\.1 400 /);
  assert.equal(proxy.decisions.length, records + 1);
  socket.destroy();
});

test('a request of another method is served, however its first bytes come', LIMIT, async () => {
  const origin = await startOrigin();
  const request = `GET http://${origin.authority}/a HTTP/1.1\r\nHost: ${origin.authority}\r\nConnection: close\r\n\r\n`;
  for (const first of [1, 3, 30, request.length]) {
    const client = await proxy.connect();
    const answer = untilEnd(client);
    client.write(request.slice(0, first));
    await pause(20);
    client.write(request.slice(first));
    assert.match(await answer, /^HTTP\/1\.1 200 /, `${first} bytes first`);
  }
  await origin.close();
});

test('heads that only begin like a CONNECT are no tunnel', LIMIT, async () => {
  assert.match(await answerTo('CONNECTED http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 400 /);
});

test('the drain does not wait for a connection that has not asked yet', LIMIT, async () => {
  const own = await startProxy({ config: LOOPBACK_OPEN });
  const silent = await own.connect();
  const begun = await own.connect();
  begun.write('CONNECT a:1 HT');
  const conversations = [listenTo(silent), listenTo(begun)];
  await own.stop();
  for (const { heard } of conversations) assert.equal(heard.text, '');
  await Promise.all(conversations.map((one) => one.until(({ ended }) => ended)));
});
