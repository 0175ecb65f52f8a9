/** The DNS door behind a Service: what it answers, which names it knows by itself, and what it never keeps. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { openOrigin, openStand, readAll } from '../door/stand.js';
import { wireHello } from '../tls/hello-bytes.js';
import { addresses, askTcp, askUdp, framed, question, rcode } from './ask.js';

const SERVICE = 'egress-proxy.egress.svc.cluster.local';
const SEARCH = 'search: [tools.svc.cluster.local, svc.cluster.local, cluster.local]';
const CLOSED = 'default: none, allow: [ { host: site.test, ports: [443] } ]';

test('names have the configured addresses, A the IPv4 ones and AAAA the IPv6 ones, in the order of the file', async (t) => {
  const stand = await openStand(t, () => 0, { steer: 'address: [10.96.0.250, "fd00::250", 10.96.0.251]' });
  for (const ask of [askUdp, askTcp]) {
    assert.deepEqual(addresses(await ask(t, stand, 'site.test', 'A')), ['10.96.0.250', '10.96.0.251']);
    assert.deepEqual(addresses(await ask(t, stand, 'site.test', 'AAAA')), ['fd00::250']);
  }
  assert.deepEqual(stand.decisions, []);
});

test('with IPv4 addresses alone, who asks for IPv6 alone gets an empty answer and no error, and the other way round', async (t) => {
  const four = await openStand(t, () => 0, { steer: 'address: 10.96.0.250' });
  const answer = await askUdp(t, four, 'site.test', 'AAAA');
  assert.deepEqual([rcode(answer), addresses(answer)], ['NOERROR', []]);
  const six = await openStand(t, () => 0, { steer: 'address: "fd00::250"' });
  const empty = await askUdp(t, six, 'site.test', 'A');
  assert.deepEqual([rcode(empty), addresses(empty)], ['NOERROR', []]);
});

test('where the answers have IPv6 alone, a refusal is recorded with the question for AAAA, once', async (t) => {
  const stand = await openStand(t, () => 0, { policy: CLOSED, steer: 'address: "fd00::250"' });
  assert.equal(rcode(await askUdp(t, stand, 'other.test', 'A')), 'NXDOMAIN');
  assert.equal(rcode(await askUdp(t, stand, 'other.test', 'AAAA')), 'NXDOMAIN');
  assert.equal((await stand.decision()).host, 'other.test');
  assert.equal(stand.decisions.length, 1);
});

test('an answer of eight addresses fits into a datagram without EDNS, whatever the name', async (t) => {
  const eight = Array.from({ length: 8 }, (_, i) => `"fd00::${i + 1}"`).join(', ');
  const stand = await openStand(t, () => 0, { steer: `address: [${eight}]` });
  const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
  assert.equal(longest.length, 253);
  assert.equal(addresses(await askUdp(t, stand, longest, 'AAAA')).length, 8);
});

test('what arrives at a steering door of any port is for port 80 or 443', async (t) => {
  const port = await openOrigin(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const stand = await openStand(t, () => port, { steer: 'address: 10.96.0.250' });
  const http = await stand.connect('steer.http');
  http.end('GET /a HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n');
  assert.match(String(await readAll(http)), /^HTTP\/1\.1 200/);
  const tls = await stand.connect('steer.tls');
  tls.end(wireHello({ sni: 'site.test' }));
  await readAll(tls);
  assert.deepEqual(
    stand.dials.map(({ target }) => target.port),
    [80, 443],
  );
});

test('the configured addresses are the proxy itself: by name, as a literal and at any port', async (t) => {
  const stand = await openStand(t, () => 0, {
    steer: 'address: [93.184.215.14, "2600:1f14::5"]',
    policy: 'default: public, internal: [ { address: 93.184.215.14, ports: [3128] } ]',
  });
  for (const target of ['site.test:443', '93.184.215.14:3128', '[2600:1f14::5]:8443', '[::ffff:93.184.215.14]:1']) {
    const { outcome, reason } = await stand.app.check(target, null);
    assert.deepEqual([target, outcome, reason], [target, 'deny', 'own-listener']);
  }
  assert.equal((await stand.app.check('other.test:443', null)).outcome, 'allow');
});

test('a name of ours has the address although the policy allows nothing, and leaves no record', async (t) => {
  const stand = await openStand(t, () => 0, {
    policy: 'default: none',
    steer: `address: 10.96.0.250, names: [${SERVICE}, n8n], ${SEARCH}`,
  });
  for (const name of [SERVICE, SERVICE.toUpperCase(), 'n8n'])
    assert.deepEqual(addresses(await askUdp(t, stand, name, 'A')), ['10.96.0.250'], name);
  assert.deepEqual(stand.decisions, []);
  assert.deepEqual(stand.queries, []);
});

test('below and beside a name of ours is nothing: no label can carry what a tool knows', async (t) => {
  const stand = await openStand(t, () => 0, { policy: 'default: none', steer: 'names: [proxy.test]' });
  for (const name of ['secret.proxy.test', 'xproxy.test', 'test', 'proxy.test.test']) {
    assert.equal(rcode(await askUdp(t, stand, name, 'A')), 'NXDOMAIN', name);
    assert.equal((await stand.decision()).host, name);
  }
  assert.equal(rcode(await askUdp(t, stand, 'proxy.test', 'TXT')), 'REFUSED');
  assert.deepEqual(stand.queries, []);
});

test('a name that a search list has made does not exist, of any type, and is no decision', async (t) => {
  for (const policy of [
    'default: public',
    CLOSED,
    'default: public, internal: [ { host: "*.svc.cluster.local", ports: [80] } ]',
  ]) {
    const stand = await openStand(t, () => 0, { policy, steer: SEARCH });
    for (const name of [
      'site.test.tools.svc.cluster.local',
      'site.test.cluster.local',
      'cluster.local',
      'A.CLUSTER.LOCAL',
    ])
      for (const type of ['A', 'AAAA', 'SRV', 'TXT'] as const)
        assert.equal(rcode(await askUdp(t, stand, name, type)), 'NXDOMAIN', `${name} ${type}`);
    assert.deepEqual(addresses(await askUdp(t, stand, 'site.test', 'A')), ['127.0.0.1']);
    assert.deepEqual([stand.decisions, stand.queries], [[], []]);
  }
});

test('a suffix ends at a label, and a rule that has the very name decides it', async (t) => {
  const policy =
    'default: none, allow: [ { host: mycluster.local, ports: [80] } ], deny: [ { host: bad.svc.cluster.local } ], internal: [ { host: web.svc.cluster.local, ports: [80] } ]';
  const stand = await openStand(t, () => 0, { policy, steer: SEARCH });
  for (const name of ['mycluster.local', 'web.svc.cluster.local'])
    assert.deepEqual(addresses(await askUdp(t, stand, name, 'A')), ['127.0.0.1'], name);
  assert.equal(rcode(await askUdp(t, stand, 'bad.svc.cluster.local', 'A')), 'NXDOMAIN');
  assert.equal((await stand.decision()).reason, 'host-denied');
});

test('ten thousand names below a suffix leave nothing behind: no record, no question, no line', async (t) => {
  const stand = await openStand(t, () => 0, { steer: SEARCH });
  const names = Array.from({ length: 10_000 }, (_, i) => `${'x'.repeat(40)}${i}.tools.svc.cluster.local`);
  const socket = await stand.connect('steer.dns');
  const codes = rcodes(socket, names.length + 1);
  for (const name of [...names, 'site.test']) socket.write(framed(question(name, 'A')));
  const last = (await codes).pop();
  assert.deepEqual([last, new Set(await codes)], [0, new Set([3])]);
  assert.deepEqual([stand.decisions, stand.queries, stand.asked], [[], [], ['site.test']]);
});

test('a reload changes the answers, the names and the suffixes, not where the door listens', async (t) => {
  const stand = await openStand(t, () => 0, {
    policy: 'default: none',
    steer: 'address: 10.96.0.250, names: [a.test]',
  });
  assert.deepEqual(addresses(await askUdp(t, stand, 'a.test', 'A')), ['10.96.0.250']);
  await stand.reload({ policy: 'default: public', steer: 'address: 10.96.0.251, names: [b.test], search: [test]' });
  assert.equal(rcode(await askUdp(t, stand, 'a.test', 'A')), 'NXDOMAIN');
  assert.deepEqual(addresses(await askUdp(t, stand, 'b.test', 'A')), ['10.96.0.251']);
  assert.equal((await stand.app.check('10.96.0.251:80', null)).reason, 'own-listener');
  assert.deepEqual(stand.decisions, []);
});

/** Of so many messages over TCP. */
async function rcodes(socket: Socket, count: number): Promise<number[]> {
  const codes: number[] = [];
  let rest = Buffer.alloc(0);
  for await (const piece of socket) {
    rest = Buffer.concat([rest, piece]);
    for (; rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0); rest = rest.subarray(2 + rest.readUInt16BE(0)))
      codes.push((rest[5] ?? 0) & 15);
    if (codes.length >= count) break;
  }
  return codes;
}
