import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { openOrigin, openStand, readAll, type Stand } from '../door/stand.js';
import { type Asked, type FakeDns, startFakeDns } from '../http/fake-dns.js';
import { wireHello } from '../tls/hello-bytes.js';

/** What a DNS server behind the sidecar gets to see of a tool that hides a secret in names. */
const SECRET = 's3cr3t.attacker.test';

test('a name of any type that a tool asks for reaches no DNS server', async (context) => {
  const { dns, stand } = await openLab(context);
  for (let type = 1; type <= 260; type++) await ask(context, stand, SECRET, type);
  for (const type of [1, 28, 65]) await ask(context, stand, `${'a'.repeat(63)}.${'b'.repeat(63)}.${SECRET}`, type);
  assert.deepEqual(dns.asked.filter(outside), []);
});

test('a name reaches a DNS server once a tool connects to it, and only as an address', async (context) => {
  const { dns, stand } = await openLab(context);
  await ask(context, stand, SECRET, 1);
  const socket = await stand.connect('steer.tls');
  socket.end(wireHello({ sni: SECRET }));
  await readAll(socket);
  assert.deepEqual(
    new Set(dns.asked.filter(outside).map(({ type, name }) => `${type} ${name}`)),
    new Set([`A ${SECRET}`, `AAAA ${SECRET}`]),
  );
});

test('with default none, a name that no rule allows reaches none, by whatever door it comes', async (context) => {
  const { dns, stand } = await openLab(context, 'default: none, allow: [ { host: site.test, ports: [80, 443] } ]');
  await ask(context, stand, SECRET, 1);
  for (const [door, bytes] of [
    ['steer.tls', wireHello({ sni: SECRET })],
    ['steer.http', Buffer.from(`GET / HTTP/1.1\r\nHost: ${SECRET}\r\nConnection: close\r\n\r\n`)],
    ['proxy', Buffer.from(`CONNECT ${SECRET}:443 HTTP/1.1\r\nHost: ${SECRET}:443\r\n\r\n`)],
    ['proxy', Buffer.from(`GET http://${SECRET}/ HTTP/1.1\r\nHost: ${SECRET}\r\nConnection: close\r\n\r\n`)],
    [
      'socks',
      Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 3, SECRET.length]), Buffer.from(SECRET), Buffer.from([1, 187])]),
    ],
  ] as const) {
    const socket = await stand.connect(door);
    socket.end(bytes);
    await readAll(socket);
  }
  assert.deepEqual(dns.asked.filter(outside), []);
  const refusals = stand.decisions.map(({ door, reason }) => `${door} ${reason}`);
  const doors = ['steer-dns', 'steer-tls', 'steer-http', 'connect', 'absolute', 'socks'];
  assert.deepEqual(
    refusals,
    doors.map((door) => `${door} host-not-allowed`),
  );
});

/** The name of a client's address is asked for, for the log. */
function outside({ name }: Asked): boolean {
  return !name.endsWith('.in-addr.arpa');
}

async function openLab(context: TestContext, policy = 'default: public'): Promise<{ dns: FakeDns; stand: Stand }> {
  const dns = await startFakeDns(({ name, type }) => ({
    answers: type === 'A' ? [{ type: 'A', name, ttl: 60, data: '93.184.215.14' }] : [],
  }));
  context.after(() => dns.close());
  const port = await openOrigin(context, (socket) => void socket.pipe(socket));
  return { dns, stand: await openStand(context, () => port, { dns: dns.server, policy }) };
}

async function ask(context: TestContext, stand: Stand, name: string, type: number): Promise<void> {
  const socket = dgram.createSocket('udp4');
  context.after(() => socket.close());
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const header = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const query = Buffer.concat([header, ...labels, Buffer.from([0, type >> 8, type & 255, 0, 1])]);
  socket.send(query, stand.port('steer.dns'), '127.0.0.1');
  await once(socket, 'message');
}
