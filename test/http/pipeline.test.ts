import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { listenTo } from './conversation.js';
import { LOOPBACK_OPEN, startRawOrigin, untilEnd, untilText } from './raw-origin.js';
import { startProxy } from './start-proxy.js';

const BIG = 5_000_000;
/** More than the buffers of a connection take. */
const HUGE = 30_000_000;

function get(authority: string, path = '/'): string {
  return `GET http://${authority}${path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
}

test('what a client has pipelined ends with its connection, and no origin hears of it', async () => {
  const origin = await startRawOrigin((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n${'x'.repeat(BIG)}`);
  });
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  client.write(get(origin.authority).repeat(3));
  await untilText(client, 'HTTP/1.1 200');
  client.destroy();
  await proxy.stop();
  assert.equal(origin.heard, 1);
  assert.equal(proxy.decisions.length, 1);
  await origin.close();
});

test('an answer that is not read holds the next request back, and only that', async () => {
  const asked: string[] = [];
  const origin = await startRawOrigin((socket, data) => {
    const path = /^GET (\S+)/.exec(data)?.[1] ?? '';
    asked.push(path);
    const length = path === '/large' ? HUGE : 2;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`);
  });
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const [slow, other] = [await proxy.connect(), await proxy.connect()];
  slow.pause();
  slow.write(get(origin.authority, '/large') + get(origin.authority, '/next'));
  await origin.asked();
  other.end(get(origin.authority, '/other'));
  assert.match(await untilEnd(other), /^HTTP\/1\.1 200 /);
  assert.deepEqual(asked, ['/large', '/other']);
  slow.resume();
  while (asked.length < 3) await setImmediate();
  assert.deepEqual(asked, ['/large', '/other', '/next']);
  slow.destroy();
  await proxy.stop();
  await origin.close();
});

test('thousands of requests in one piece are served one after the other', async () => {
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  const conversation = listenTo(client);
  client.write('GET http://10.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2000));
  await conversation.until(({ text }) => text.split('HTTP/1.1 403 ').length === 2001);
  assert.equal(proxy.decisions.length, 2000);
  client.destroy();
  await proxy.stop();
});

test('a large answer to an Upgrade arrives whole', async () => {
  const origin = await startRawOrigin((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n${'x'.repeat(BIG)}`);
  });
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  client.write(
    `GET http://${origin.authority}/ HTTP/1.1\r\nHost: ${origin.authority}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
  );
  const received = await untilEnd(client);
  assert.equal(received.slice(received.indexOf('\r\n\r\n') + 4).length, BIG);
  await proxy.stop();
  await origin.close();
});
