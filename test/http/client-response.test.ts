import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ClientConnection } from '../../proxy/http/client-connection.js';
import { ClientResponse } from '../../proxy/http/client-response.js';
import type { RequestHead } from '../../proxy/http/request-head.js';
import { COUNTED, connectionOptions } from './connection-options.js';
import { untilEnd } from './raw-origin.js';
import { requestHead } from './request-head.js';

/** The proxy's end of a connection, and its client's. */
async function connection(t: TestContext): Promise<{ own: Socket; client: Socket }> {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  assert.ok(bound !== null && typeof bound === 'object');
  const client = net.connect(bound.port, '127.0.0.1');
  const [own] = await once(server, 'connection');
  server.close();
  for (const socket of [own, client]) socket.on('error', () => undefined);
  t.after(() => {
    own.destroy();
    client.destroy();
  });
  return { own, client };
}

function request(httpVersion: string, method = 'GET', rawHeaders: readonly string[] = []): RequestHead {
  return requestHead(rawHeaders, httpVersion, method);
}

const STAYS = 'Connection: keep-alive\r\nKeep-Alive: timeout=60\r\n';
const LENGTH = ['Content-Length', '2'];

const FRAMED: readonly (readonly [name: string, of: RequestHead, status: number, fields: string[], text: string])[] = [
  ['a length stays', request('1.1'), 200, LENGTH, `Content-Length: 2\r\n${STAYS}\r\nok`],
  ['no length means chunks', request('1.1'), 200, [], `${STAYS}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
  ['HTTP/1.0 has no chunks', request('1.0'), 200, [], 'Connection: close\r\n\r\nok'],
  [
    'HTTP/1.0 stays with a length, and where it asks',
    request('1.0', 'GET', ['Connection', 'keep-alive']),
    200,
    LENGTH,
    `Content-Length: 2\r\n${STAYS}\r\nok`,
  ],
  ['without asking it ends', request('1.0'), 200, LENGTH, 'Content-Length: 2\r\nConnection: close\r\n\r\nok'],
  ['HTTP/1.0 hears of no trailers', request('1.0'), 200, ['Trailer', 'X'], 'Connection: close\r\n\r\nok'],
  ['HEAD has a length and no content', request('1.1', 'HEAD'), 200, LENGTH, `Content-Length: 2\r\n${STAYS}\r\n`],
  ['204 has no content', request('1.1'), 204, [], `${STAYS}\r\n`],
  ['304 has none, whatever its length says', request('1.1'), 304, LENGTH, `Content-Length: 2\r\n${STAYS}\r\n`],
  [
    'a client that closes is told so',
    request('1.1', 'GET', ['Connection', 'close']),
    200,
    LENGTH,
    'Content-Length: 2\r\nConnection: close\r\n\r\nok',
  ],
];

for (const [name, of, status, fields, expected] of FRAMED) {
  test(`framing of a response: ${name}`, async (t) => {
    const { own, client } = await connection(t);
    const heard = untilEnd(client);
    const response = new ClientResponse(own, of, true);
    response.head({ status, phrase: 'So', fields }, false);
    response.end(Buffer.from('ok'), []);
    await over(response);
    own.end();
    assert.equal(await heard, `HTTP/1.1 ${status} So\r\n${expected}`);
    assert.equal(response.isLast, expected.includes('Connection: close'));
  });
}

for (const [name, of, status, fields, expected] of FRAMED) {
  test(`framing of a response whose end comes after its content: ${name}`, async (t) => {
    const { own, client } = await connection(t);
    const heard = untilEnd(client);
    const response = new ClientResponse(own, of, true);
    response.head({ status, phrase: 'So', fields }, false);
    response.write(Buffer.from('ok'));
    response.end(Buffer.alloc(0), []);
    await over(response);
    own.end();
    assert.equal(await heard, `HTTP/1.1 ${status} So\r\n${expected}`);
  });
}

test('trailers are sent after chunked content', async (t) => {
  const { own, client } = await connection(t);
  const heard = untilEnd(client);
  const response = new ClientResponse(own, request('1.1'), true);
  response.head({ status: 200, phrase: 'OK', fields: ['Trailer', 'X'] }, false);
  response.end(Buffer.alloc(0), ['X', '1']);
  own.end();
  assert.match(await heard, /\r\n\r\n0\r\nX: 1\r\n\r\n$/);
});

test('what a slow reader does not take is claimed until it has it, and then there is room again', async (t) => {
  const { own, client } = await connection(t);
  const holds: number[] = [];
  const response = new ClientResponse(own, request('1.1'), true);
  response.claimant = { claimUnread: () => ({ hold: (bytes) => holds.push(bytes) }) };
  response.head({ status: 200, phrase: 'OK', fields: ['Content-Length', String(2 ** 30)] }, false);
  const drained = new Promise<void>((onClientDrain) => {
    response.events = { onClientDrain, onClientLost: assert.fail };
  });
  while (response.write(Buffer.alloc(65536)) && response.flush());
  assert.ok((holds.at(-1) ?? 0) > 0);
  client.resume();
  await drained;
  assert.equal(holds.at(-1), 0);
});

test('a response that is cut for what its slow reader does not take is known for it: its client did not go away', async (t) => {
  const { own } = await connection(t);
  const response = new ClientResponse(own, request('1.1'), true);
  response.claimant = { claimUnread: (refuse) => ({ hold: () => refuse() }) };
  response.head({ status: 200, phrase: 'OK', fields: ['Content-Length', String(2 ** 30)] }, false);
  while (response.write(Buffer.alloc(65536)) && response.flush());
  assert.deepEqual([own.destroyed, response.isForMemory], [true, true]);
});

test('the loss of the client is reported once, and is the end of the response', async (t) => {
  const { own, client } = await connection(t);
  let told = 0;
  const response = new ClientResponse(own, request('1.1'), true);
  own.on('close', () => response.onLost());
  response.events = { onClientDrain: () => undefined, onClientLost: () => told++ };
  const lost = new Promise<void>((resolve) => response.lost.addEventListener('abort', resolve));
  client.resetAndDestroy();
  await Promise.all([lost, over(response)]);
  response.onLost();
  assert.equal(told, 1);
});

test('a connection whose answer was just written is not silent, though its client is', async (t) => {
  const { own, client } = await connection(t);
  const served = new Promise<void>((resolve) => {
    const options = connectionOptions({
      serve(_, response) {
        response.head({ status: 200, phrase: 'OK', fields: [] }, false);
        response.flush();
        resolve();
      },
    });
    new ClientConnection(own, options, COUNTED);
  });
  client.write('GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n');
  await served;
  own.emit('timeout');
  assert.equal(own.destroyed, false);
  const now = performance.now() + 66_000;
  t.mock.method(performance, 'now', () => now);
  own.emit('timeout');
  assert.equal(own.destroyed, true);
});

function over(response: ClientResponse): Promise<void> {
  if (response.isOver) return Promise.resolve();
  return new Promise((onOver) => {
    response.owner = { onOver };
  });
}
