/** A defect while a request is recorded costs its own client the connection, and holds up no drain. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { parseAbsolute } from '../../proxy/core/target.js';
import { createProxyServer } from '../../proxy/http/server.js';
import { UpstreamPool } from '../../proxy/http/upstream-pool.js';
import { doorParts } from '../door/parts.js';
import { CLOSED_PORT } from '../net/closed-port.js';

const GET = 'GET http://site.test:22/ HTTP/1.1\r\nHost: site.test:22\r\n';
const REQUESTS: Readonly<Record<string, string>> = {
  'a forwarded request': `${GET}\r\n`,
  'an Upgrade': `${GET}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`,
};

for (const [kind, says] of Object.entries(REQUESTS))
  test(`${kind} whose failure cannot be recorded is closed, reported once, and awaited by no drain`, async (t) => {
    const defects: unknown[] = [];
    const defect = new TypeError('a defect');
    const { arrivals, connectionLimits, records } = await doorParts(CLOSED_PORT, (error) => defects.push(error));
    records.push = () => {
      throw defect;
    };
    const pool = new UpstreamPool(arrivals.reads, arrivals.deadlines);
    const options = { arrivals, connectionLimits, pool, target: parseAbsolute, door: 'absolute' } as const;
    const { server } = createProxyServer(options);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const client = net.connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    t.after(() => client.destroy());
    client.on('error', () => client.destroy()).resume();
    client.write(says);
    await once(client, 'close');
    await arrivals.running.drain();
    assert.deepEqual(defects, [defect]);
  });
