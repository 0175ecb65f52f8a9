import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { test } from 'node:test';
import type { Limits } from '../../proxy/config/config.js';
import { createBudget } from '../../proxy/http/budget.js';
import { untilEnd } from './raw-origin.js';
import { configOf, startProxy } from './start-proxy.js';

function socketFrom(address: string): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: address });
}

async function limitsOf(limits: Partial<Limits>): Promise<Limits> {
  return { ...(await configOf({ version: 1 })).limits, ...limits };
}

test('what one client opens over its limit locks no other client out', async () => {
  const limits = await limitsOf({ connections: 4, connectionsPerClient: 2 });
  const budget = createBudget(() => limits);
  const greedy = Array.from({ length: 10 }, () => budget.enter(socketFrom('172.31.0.2')));
  assert.deepEqual(greedy.slice(0, 3), [true, true, false]);
  assert.equal(budget.enter(socketFrom('172.31.0.3')), true);
  assert.equal(budget.enter(socketFrom('172.31.0.3')), true);
  assert.equal(budget.enter(socketFrom('172.31.0.4')), false);
});

test('a client has no more than twice its limit open, and gets all of it back', async () => {
  const limits = await limitsOf({ connections: 10, connectionsPerClient: 2 });
  const budget = createBudget(() => limits);
  const sockets = Array.from({ length: 5 }, () => socketFrom('172.31.0.2'));
  for (const socket of sockets) budget.enter(socket);
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    [false, false, false, false, true],
  );
  for (const socket of sockets) {
    if (!socket.closed) await once(socket.destroy(), 'close');
  }
  assert.equal(budget.open, 0);
  assert.equal(budget.enter(socketFrom('172.31.0.2')), true);
});

test('a connection beyond twice the limit is closed, and the proxy goes on', async () => {
  const proxy = await startProxy({ config: { limits: { connectionsPerClient: 1, headerTimeout: '1s' } } });
  const [first, second, third] = [await proxy.connect(), await proxy.connect(), await proxy.connect()];
  assert.equal(await untilEnd(third), '');
  const busy = untilEnd(second);
  second.write('GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n');
  assert.match(await busy, /^HTTP\/1\.1 503 /);
  const denied = untilEnd(first);
  first.write('GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\n\r\n');
  assert.match(await denied, /^HTTP\/1\.1 403 /);
  assert.deepEqual(proxy.defects, []);
  for (const socket of [first, second, third]) socket.destroy();
  await proxy.stop();
});
