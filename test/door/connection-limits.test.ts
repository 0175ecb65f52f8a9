import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Limits } from '../../proxy/config/config.js';
import { createConnectionLimits, HEARD } from '../../proxy/door/connection-limits.js';
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
  const connectionLimits = createConnectionLimits({ settings: { limits } });
  const greedy = Array.from({ length: 10 }, () => connectionLimits.enter(socketFrom('172.31.0.2')).isAdmitted);
  assert.deepEqual(greedy.slice(0, 3), [true, true, false]);
  assert.equal(connectionLimits.enter(socketFrom('172.31.0.3')).isAdmitted, true);
  assert.equal(connectionLimits.enter(socketFrom('172.31.0.3')).isAdmitted, true);
  assert.equal(connectionLimits.enter(socketFrom('172.31.0.4')).isAdmitted, false);
});

test('forged addresses that keep all they get leave room for whoever comes new', async () => {
  const limits = await limitsOf({ connections: 4096, connectionsPerClient: 512 });
  for (const addresses of [9, 100, 1000]) {
    const connectionLimits = createConnectionLimits({ settings: { limits } });
    // In turns, as it is hardest on a bound that looks at what is free.
    for (let i = 0; i < 512; i++) {
      for (let from = 0; from < addresses; from++)
        connectionLimits.enter(socketFrom(`10.0.${from >> 8}.${from % 256}`)).heard();
    }
    assert.equal(connectionLimits.enter(socketFrom('172.31.0.2')).isAdmitted, true, `beside ${addresses} addresses`);
  }
});

test('a flood over a limit is closed unheard, and its share comes back', async () => {
  const limits = await limitsOf({ connections: 10, connectionsPerClient: 2 });
  const connectionLimits = createConnectionLimits({ settings: { limits } });
  const sockets = Array.from({ length: 2 + HEARD + 1 }, () => socketFrom('172.31.0.2'));
  for (const socket of sockets) connectionLimits.follow(socket);
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    sockets.map((_, i) => i >= 2 + HEARD),
  );
  for (const socket of sockets) {
    if (!socket.closed) await once(socket.destroy(), 'close');
  }
  assert.equal(connectionLimits.open, 0);
  assert.equal(connectionLimits.enter(socketFrom('172.31.0.2')).isAdmitted, true);
});

test('those that say nothing make room for each other, and never fill the limit for all', async () => {
  const limits = await limitsOf({ connections: 4096, connectionsPerClient: 512 });
  const connectionLimits = createConnectionLimits({ settings: { limits } });
  const modest = socketFrom('172.31.0.2');
  assert.equal(connectionLimits.enter(modest).isAdmitted, true);
  const speaker = socketFrom('172.31.0.3');
  connectionLimits.enter(speaker).heard();
  const forged = Array.from({ length: 9 }, (_, i) =>
    Array.from({ length: 512 }, () => socketFrom(`172.31.0.${10 + i}`)),
  );
  for (const socket of forged.flat()) connectionLimits.follow(socket);
  await setImmediate();
  assert.equal(modest.destroyed, false);
  assert.equal(speaker.destroyed, false);
  assert.equal(connectionLimits.open, 1024 + 1);
  assert.equal(connectionLimits.enter(socketFrom('172.31.0.4')).isAdmitted, true);
});

test('a connection that waits for its next request is one that says nothing', async () => {
  const limits = await limitsOf({ connections: 512, connectionsPerClient: 512 });
  const connectionLimits = createConnectionLimits({ settings: { limits } });
  const kept = Array.from({ length: 200 }, () => socketFrom('172.31.0.2'));
  const counted = kept.map((socket) => {
    const connection = connectionLimits.enter(socket);
    connection.heard();
    return connection;
  });
  assert.equal(kept.filter(({ destroyed }) => destroyed).length, 0);
  for (const connection of counted) connection.waits();
  assert.deepEqual(
    kept.map(({ destroyed }) => destroyed),
    kept.map((_, i) => i < 200 - 128),
  );
});

test('a connection leaves once, whoever says so, and is not taken back by a late word', async () => {
  const limits = await limitsOf({ connections: 10, connectionsPerClient: 2 });
  const connectionLimits = createConnectionLimits({ settings: { limits } });
  const [first, second] = [socketFrom('172.31.0.2'), socketFrom('172.31.0.2')];
  const counted = [connectionLimits.enter(first), connectionLimits.enter(second)];
  for (const connection of [...counted, ...counted]) connection.left();
  for (const connection of counted) connection.waits();
  assert.equal(connectionLimits.open, 0);
  await connectionLimits.empty();
  const again = Array.from({ length: 3 }, () => connectionLimits.enter(socketFrom('172.31.0.2')).isAdmitted);
  assert.deepEqual(again, [true, true, false]);
});

test('the connections of every door are counted until they have closed', async () => {
  const proxy = await startProxy({
    config: {
      listen: { proxy: '127.0.0.1:0', socks: '127.0.0.1:0' },
      steer: { dns: '127.0.0.1:0', http: '127.0.0.1:0', tls: '127.0.0.1:0' },
      relay: [{ listen: '127.0.0.1:0', to: '127.0.0.1:9' }],
    },
  });
  const doors = ['proxy', 'socks', 'steer.dns', 'steer.http', 'steer.tls', 'relay[0]'];
  const clients = doors.map((door) => net.connect({ host: '127.0.0.1', port: proxy.portOf(door) }));
  for (const client of clients) client.on('error', () => client.destroy());
  await Promise.all(clients.map((client) => once(client, 'connect')));
  // Nobody answers where the relay leads: its own is closed at once.
  while (proxy.app.openConnections < doors.length - 1) await setImmediate();
  for (const client of clients) client.destroy();
  while (proxy.app.openConnections > 0) await setImmediate();
  assert.deepEqual(proxy.defects, []);
  await proxy.stop();
});

test('every connection over a limit is answered with 503 and its reason', async () => {
  const proxy = await startProxy({ config: { limits: { connectionsPerClient: 1, headerTimeout: '60s' } } });
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
