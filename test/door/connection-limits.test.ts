import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { test } from 'node:test';
import type { Limits } from '../../proxy/config/config.js';
import { createBudget, HEARD } from '../../proxy/door/connection-limits.js';
import { untilEnd } from '../http/raw-origin.js';
import { configOf, startProxy } from '../http/start-proxy.js';

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

test('a flood over a limit is closed unheard, and its share comes back', async () => {
  const limits = await limitsOf({ connections: 10, connectionsPerClient: 2 });
  const budget = createBudget(() => limits);
  const sockets = Array.from({ length: 2 + HEARD + 1 }, () => socketFrom('172.31.0.2'));
  for (const socket of sockets) budget.enter(socket);
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    sockets.map((_, i) => i >= 2 + HEARD),
  );
  for (const socket of sockets) {
    if (!socket.closed) await once(socket.destroy(), 'close');
  }
  assert.equal(budget.open, 0);
  assert.equal(budget.enter(socketFrom('172.31.0.2')), true);
});

test('every connection over a limit is answered with 503 and its reason', async () => {
  const proxy = await startProxy({ config: { limits: { connectionsPerClient: 1, headerTimeout: '1s' } } });
  const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => proxy.connect()));
  for (const socket of others) {
    const busy = untilEnd(socket);
    socket.write('GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n');
    assert.match(await busy, /^HTTP\/1\.1 503 .*\r\nProxy-Status: .*; details="busy"/);
  }
  assert.ok(first);
  const denied = untilEnd(first);
  first.write('GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\n\r\n');
  assert.match(await denied, /^HTTP\/1\.1 403 /);
  assert.deepEqual(proxy.defects, []);
  await proxy.stop();
});
