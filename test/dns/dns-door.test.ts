import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import dnsPacket from 'dns-packet';
import { openOrigin, openStand, readAll } from '../door/stand.js';
import { untilClosed } from '../net/until-closed.js';
import { wireHello } from '../tls/hello-bytes.js';
import { addresses, askTcp, askUdp, framed, question, rcode } from './ask.js';

const TYPES = ['A', 'AAAA', 'TXT', 'MX', 'NULL', 'CNAME', 'NS', 'SOA', 'SRV', 'PTR', 'AXFR', 'CAA', 'NAPTR'] as const;

test('a name has the address of the door over UDP and TCP, and nothing is resolved or recorded', async (context) => {
  const stand = await openStand(context, () => 0);
  for (const ask of [askUdp, askTcp]) {
    const answer = await ask(context, stand, 'site.test', 'A');
    assert.deepEqual(addresses(answer), ['127.0.0.1']);
    assert.deepEqual(addresses(await ask(context, stand, 'site.test', 'AAAA')), []);
  }
  assert.deepEqual([stand.queries, stand.decisions], [[], []]);
});

test('a name that the policy denies does not exist, and leaves one record', async (context) => {
  const stand = await openStand(context, () => 0, { policy: 'default: public, deny: [ { host: "*.denied.test" } ]' });
  for (const type of ['A', 'AAAA'] as const) {
    const answer = await askUdp(context, stand, 'a.denied.test', type);
    assert.deepEqual([rcode(answer), addresses(answer)], ['NXDOMAIN', []]);
  }
  const { outcome, reason, rule, door, host, port, client } = await stand.decision();
  assert.deepEqual([outcome, reason, rule, door], ['deny', 'host-denied', 'deny[0]', 'steer-dns']);
  assert.deepEqual([host, port, client.address], ['a.denied.test', null, '127.0.0.1']);
  assert.equal(stand.decisions.length, 1);
});

test('names that are private by themselves do not exist either', async (context) => {
  const stand = await openStand(context, () => 0);
  for (const [name, reason] of [
    ['localhost', 'address-prohibited'],
    ['metadata.google.internal', 'metadata-address'],
  ] as const) {
    assert.equal(rcode(await askUdp(context, stand, name, 'A')), 'NXDOMAIN');
    assert.equal((await stand.decision()).reason, reason);
  }
});

test('with default none, a name has an address where a rule could let one of the doors through', async (context) => {
  const policy = 'default: none, allow: [ { host: site.test, ports: [443] }, { host: ssh.test, ports: [22] } ]';
  const stand = await openStand(context, () => 0, { policy });
  assert.deepEqual(addresses(await askUdp(context, stand, 'site.test', 'A')), ['127.0.0.1']);
  assert.equal(rcode(await askUdp(context, stand, 'ssh.test', 'A')), 'NXDOMAIN');
  assert.equal((await stand.decision()).reason, 'port-not-allowed');
  assert.equal(rcode(await askUdp(context, stand, 'other.test', 'A')), 'NXDOMAIN');
  assert.equal((await stand.decision()).reason, 'host-not-allowed');
});

test('a secret in a name of any type causes no query, until its owner connects', async (context) => {
  const stand = await openStand(context, await echo(context));
  for (const type of TYPES) {
    for (const ask of [askUdp, askTcp]) await ask(context, stand, `secret-${type.toLowerCase()}.attacker.test`, type);
    if (type !== 'A' && type !== 'AAAA') assert.equal((await stand.decision()).reason, 'dns-type-refused');
  }
  assert.deepEqual(stand.queries, []);
  const socket = await stand.connect('steer.tls');
  socket.end(wireHello({ sni: 'site.test' }));
  await readAll(socket);
  assert.deepEqual(stand.queries, ['site.test']);
});

test('over TCP, questions are answered in order, in whatever pieces they come', async (context) => {
  const stand = await openStand(context, () => 0);
  const socket = await stand.connect('steer.dns');
  socket.setNoDelay(true);
  const names = ['a.test', 'b.test', 'c.test'];
  const wire = Buffer.concat(names.map((name) => framed(question(name, 'A'))));
  for (const byte of wire) socket.write(Buffer.from([byte]));
  socket.end();
  let rest = await readAll(socket);
  for (const name of names) {
    const length = rest.readUInt16BE(0);
    assert.equal(dnsPacket.decode(rest.subarray(2, 2 + length)).questions?.[0]?.name, name);
    rest = rest.subarray(2 + length);
  }
  assert.equal(rest.length, 0);
});

test('over TCP, a client that ends its side after its questions gets every answer', async (context) => {
  const stand = await openStand(context, () => 0);
  const socket = await stand.connect('steer.dns');
  const asked = 3000;
  const questions = Array.from({ length: asked }, (_, index) => framed(question(`n${index}.test`, 'A')));
  socket.end(Buffer.concat(questions));
  const answers = await readAll(socket);
  let count = 0;
  for (let at = 0; at < answers.length; at += 2 + answers.readUInt16BE(at)) count++;
  assert.equal(count, asked);
});

test('on 0.0.0.0, what comes from an own address is neither answered nor recorded, but counted', async (context) => {
  const stand = await openStand(context, () => 0, { dnsDoor: '0.0.0.0:0', policy: 'default: none' });
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const [outward] = own.filter(({ family, internal }) => family === 'IPv4' && !internal);
  // Elsewhere than on a host without a network: the kernel's source for an own address is that address.
  const dropped = outward === undefined ? 0 : 2;
  if (outward !== undefined) {
    const socket = dgram.createSocket('udp4');
    context.after(() => socket.close());
    socket.on('message', () => assert.fail('an own address was answered'));
    socket.send(question('site.test', 'A'), stand.port('steer.dns'), outward.address);
    const client = connect({ host: outward.address, port: stand.port('steer.dns') });
    client.resume().write(framed(question('site.test', 'A')));
    await untilClosed(client);
    while (stand.app.unansweredDnsPeers < dropped) await setImmediate();
  }
  assert.deepEqual(rcode(await askUdp(context, stand, 'site.test', 'A')), 'NXDOMAIN', 'loopback is answered');
  assert.equal((await stand.decision()).client.address, '127.0.0.1');
  assert.deepEqual([stand.decisions.length, stand.app.unansweredDnsPeers], [1, dropped]);
});

test('garbage over UDP and TCP hurts nobody', async (context) => {
  const stand = await openStand(context, () => 0);
  const socket = dgram.createSocket('udp4');
  context.after(() => socket.close());
  for (const packet of garbage()) socket.send(packet, stand.port('steer.dns'), '127.0.0.1');
  for (const packet of [...garbage(), Buffer.alloc(0)]) {
    const client = await stand.connect('steer.dns');
    client.end(packet.length === 0 ? Buffer.from([0]) : framed(packet));
    await readAll(client);
  }
  const oversized = await stand.connect('steer.dns');
  oversized.write(Buffer.from([0xff, 0xff, 1, 2, 3]));
  await readAll(oversized);
  assert.deepEqual(addresses(await askUdp(context, stand, 'site.test', 'A')), ['127.0.0.1']);
  assert.deepEqual(addresses(await askTcp(context, stand, 'site.test', 'A')), ['127.0.0.1']);
});

test('a stopped door has released its port', async (context) => {
  const stand = await openStand(context, () => 0);
  const idle = await stand.connect('steer.dns');
  await stand.app.stop();
  await readAll(idle);
  const again = dgram.createSocket('udp4');
  again.bind(stand.port('steer.dns'), '127.0.0.1');
  await once(again, 'listening');
  again.close();
});

function* garbage(): Generator<Buffer> {
  const good = question('site.test', 'A');
  for (let length = 1; length < good.length; length++) yield good.subarray(0, length);
  for (let at = 0; at < good.length; at++) yield Buffer.from(good.with(at, 0xff));
  for (let at = 12; at < good.length; at++) yield Buffer.from(good.with(at, 0xc0));
  yield Buffer.alloc(1200, 0xc0);
}

async function echo(context: TestContext): Promise<() => number> {
  const port = await openOrigin(context, (socket) => void socket.pipe(socket));
  return () => port;
}
