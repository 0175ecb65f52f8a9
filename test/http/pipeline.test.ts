import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createTurns } from '../../proxy/http/pipeline.js';
import { LOOPBACK_OPEN, startRawOrigin, untilEnd, untilText } from './raw-origin.js';
import { startProxy } from './start-proxy.js';

const BIG = 5_000_000;

function get(authority: string): string {
  return `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
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
  assert.equal((await proxy.decision(2)).reason, 'client-closed');
  assert.equal(origin.heard, 1);
  await proxy.stop();
  await origin.close();
});

test('a response that has not left holds the next request back', async () => {
  const turns = createTurns();
  const socket = new Socket();
  const responses = [0, 1].map(() => new ServerResponse(new IncomingMessage(socket)));
  const [first = assert.fail(), second = assert.fail()] = responses;
  first.assignSocket(socket);
  const order: string[] = [];
  const done = [first, second].map((response, i) =>
    turns.take(socket, response, async () => void order.push(`work ${i}`)),
  );
  await setImmediate();
  order.push('left');
  first.emit('finish');
  first.detachSocket(socket);
  await Promise.all(done);
  assert.deepEqual(order, ['work 0', 'left', 'work 1']);
  assert.equal(second.destroyed, true);
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
