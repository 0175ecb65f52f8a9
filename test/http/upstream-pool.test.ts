import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { parseAddress } from '../../proxy/core/address.js';
import { answered, ask, portOf, stand } from './forward-stand.js';
import { startProxy } from './start-proxy.js';

test('a connection to the origin is used again, and the record still says where it went', async (t) => {
  let connections = 0;
  const there = await stand(t, (_request, response) => response.end('x'));
  there.origin.on('connection', () => connections++);
  for (const path of ['/1', '/2', '/3']) await answered(ask(there, { path }));
  assert.equal(connections, 1);
  const record = await there.proxy.decision(2);
  assert.equal(record.dialed, '127.0.0.1');
  assert.equal(record.connectMs, null);
});

test('a name that has moved does not get the connection to its old address', async (t) => {
  const [origin, other] = await twinOrigins();
  const port = portOf(origin);
  let address = '127.0.0.1';
  const proxy = await startProxy({
    config: { policy: { default: 'none', internal: [{ address: '127.0.0.0/8', ports: [port] }] } },
    resolver: {
      resolve: async () => [parseAddress(address)].filter((one) => one !== null),
      reverse: async () => null,
    },
  });
  t.after(async () => {
    for (const server of [origin, other]) {
      server.closeAllConnections();
      server.close();
    }
    await proxy.stop();
  });
  const there = { proxy, port, origin };
  assert.equal((await answered(ask(there, { path: '/' }))).content, 'first');
  address = '127.0.0.2';
  assert.equal((await answered(ask(there, { path: '/' }))).content, 'other');
});

/** Two origins on one port, of 127.0.0.1 and of 127.0.0.2: the port of the first may be taken for the second. */
async function twinOrigins(): Promise<[http.Server, http.Server]> {
  for (;;) {
    const first = http.createServer((_request, response) => response.end('first')).listen(0, '127.0.0.1');
    await once(first, 'listening');
    const other = http.createServer((_request, response) => response.end('other')).listen(portOf(first), '127.0.0.2');
    if (await once(other, 'listening').catch(() => null)) return [first, other];
    first.close();
  }
}
