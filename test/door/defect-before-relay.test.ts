/** A defect after the dial and before the tunnel has taken both connections over: neither may stay open. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { closedPolicy } from '../../proxy/config/compile.js';
import { parseAbsolute, parseAuthority } from '../../proxy/core/target.js';
import { createFixedRelay } from '../../proxy/door/fixed-relay.js';
import { createTunnelDoor } from '../../proxy/door/tunnel-door.js';
import { createProxyServer } from '../../proxy/http/server.js';
import { UpstreamPool } from '../../proxy/http/upstream-pool.js';
import { lineDoor } from './line-door.js';
import { type DoorParts, doorParts } from './parts.js';
import { openOrigin } from './stand.js';

const DEFECT = new TypeError('a defect');
const defect = (): never => {
  throw DEFECT;
};

interface Case {
  readonly listen: (parts: DoorParts) => Server;
  readonly says: string;
}

const CONNECT = 'CONNECT site.test:22 HTTP/1.1\r\nHost: site.test:22\r\n\r\n';
const UPGRADE = 'GET http://site.test:22/ HTTP/1.1\r\nHost: site.test:22\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

const DOORS: Readonly<Record<string, Case>> = {
  'a door that hears': { says: 'site.test:22\n', listen: tunnelDoor },
  CONNECT: { says: CONNECT, listen: httpDoor },
  Upgrade: { says: UPGRADE, listen: httpDoor },
  'a fixed relay': { says: '', listen: fixedRelay },
};

/** Where it goes wrong. */
const STEPS: Readonly<Record<string, (parts: DoorParts) => void>> = {
  'the policy is asked again': ({ arrivals }) => void Object.assign(arrivals, { objection: throwsSecond() }),
  'the tunnel is opened': ({ arrivals }) => void Object.assign(arrivals, { tunnel: defect }),
  'the tunnel is counted': ({ arrivals }) => void Object.assign(arrivals.running, { opened: defect }),
};

for (const [door, { listen, says }] of Object.entries(DOORS))
  for (const [step, breaks] of Object.entries(STEPS)) {
    // An Upgrade is not asked again at this place: it is judged as a request until it is a tunnel.
    if (door === 'Upgrade' && step === 'the policy is asked again') continue;
    test(`${door}: a defect while ${step} closes both connections, and is reported once`, async (t) => {
      const origin = await watchedOrigin(t);
      const defects: unknown[] = [];
      const parts = await doorParts(origin.port, (error) => defects.push(error));
      breaks(parts);
      const client = await clientOf(t, listen(parts));
      client.write(says);
      await Promise.all([origin.lost, closed(client)]);
      assert.deepEqual(defects, [DEFECT]);
      assert.equal(parts.arrivals.running.openTunnels, 0);
    });
  }

function throwsSecond(): () => null {
  let asked = 0;
  return () => (++asked === 2 ? defect() : null);
}

/** Answers an Upgrade, and never ends a connection by itself. `lost`: the first one has been ended or reset. */
async function watchedOrigin(t: TestContext): Promise<{ readonly port: number; readonly lost: Promise<void> }> {
  let lose: () => void = () => undefined;
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const port = await openOrigin(t, (socket) => {
    t.after(() => socket.destroy());
    socket.on('end', lose).on('close', lose);
    socket.on('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    );
  });
  return { port, lost };
}

async function clientOf(t: TestContext, server: Server): Promise<Socket> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const client = net.connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  t.after(() => client.destroy());
  client.on('error', () => client.destroy());
  return client;
}

async function closed(client: Socket): Promise<void> {
  client.resume();
  if (!client.destroyed) await once(client, 'close');
}

function tunnelDoor({ arrivals, connectionLimits }: DoorParts): Server {
  return createTunnelDoor(arrivals, connectionLimits, lineDoor);
}

function httpDoor({ arrivals, connectionLimits }: DoorParts): Server {
  const pool = new UpstreamPool(arrivals.reads, arrivals.deadlines);
  return createProxyServer({ arrivals, connectionLimits, pool, target: parseAbsolute, door: 'absolute' }).server;
}

function fixedRelay({ arrivals, connectionLimits }: DoorParts): Server {
  const to = parseAuthority('site.test:22');
  assert.ok(to.ok);
  const policy = closedPolicy({ default: 'public' });
  const fixed = { listen: { host: '127.0.0.1', port: 0 }, to: to.value, policy, outside: null };
  return createFixedRelay({ arrivals, connectionLimits, links: () => [], doors: [] }, fixed);
}
