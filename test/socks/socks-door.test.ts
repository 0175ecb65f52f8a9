import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { openOrigin, openStand, readAll, type Stand } from '../door/stand.js';
import { wireHello } from '../tls/hello-bytes.js';

const NO_AUTHENTICATION = Buffer.from([5, 1, 0]);
const OPENED = Buffer.from([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
const CLIENTS = 'clients: [ { name: git, token: "t0ken-of-git-1234567890" } ]';

test('a CONNECT by name is resolved by us and relayed, in whatever pieces it comes', async (context) => {
  const stand = await openStand(context, await echo(context));
  const wire = Buffer.concat([NO_AUTHENTICATION, byName('SITE.test', 22), Buffer.from('early')]);
  for (const packet of [wire.length, 1]) {
    const socket = await stand.connect('socks');
    socket.setNoDelay(true);
    for (let at = 0; at < wire.length; at += packet) socket.write(wire.subarray(at, at + packet));
    socket.end();
    assert.deepEqual(await readAll(socket), Buffer.concat([OPENED, Buffer.from('early')]));
    const decision = await stand.decision();
    assert.deepEqual(told(decision), ['allow', null, 'site.test', 22]);
    assert.deepEqual([decision.door, decision.method, decision.status], ['socks', null, null]);
    assert.equal((await stand.closed()).bytesUp, 5);
  }
  assert.deepEqual([stand.queries, stand.dials.length], [['site.test', 'site.test'], 2]);
});

test('a CONNECT by address opens what the policy allows', async (context) => {
  const stand = await openStand(context, await echo(context));
  const socket = await stand.connect('socks');
  socket.end(Buffer.concat([NO_AUTHENTICATION, Buffer.from([5, 1, 0, 1, 93, 184, 215, 14, 0, 22])]));
  assert.deepEqual(await readAll(socket), OPENED);
  assert.deepEqual(told(await stand.decision()), ['allow', null, '93.184.215.14', 22]);
});

test('what the policy refuses gets its reply code and one record, without a dial', async (context) => {
  const policy = 'default: public, deny: [ { host: denied.test }, { ports: [25] } ]';
  const stand = await openStand(context, () => 0, { policy });
  const own = stand.port('socks');
  const cases = [
    [byName('private.test', 22), 2, 'address-prohibited'],
    [byName('mixed.test', 22), 2, 'mixed-answer'],
    [byName('denied.test', 22), 2, 'host-denied'],
    [byName('site.test', 25), 2, 'port-denied'],
    [byName('localhost', 22), 2, 'address-prohibited'],
    [byName('169.254.169.254', 80), 2, 'metadata-address'],
    [byName('2852039166', 80), 2, 'metadata-address'],
    [byName('[::ffff:169.254.169.254]', 80), 2, 'metadata-address'],
    [byName('self.test', own), 2, 'own-listener'],
    [Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, own >> 8, own & 255]), 2, 'own-listener'],
    [Buffer.from([5, 1, 0, 1, 10, 0, 0, 1, 0, 22]), 2, 'address-prohibited'],
    [Buffer.from([5, 1, 0, 4, ...Array(10).fill(0), 255, 255, 10, 0, 0, 1, 0, 22]), 2, 'address-prohibited'],
    // Not fe80::1, which the bridges of Docker's IPv6 networks have: where these run, that is an own address.
    [Buffer.from([5, 1, 0, 4, 0xfe, 0x80, ...Array(12).fill(0), 0x53, 0x4f, 0, 22]), 2, 'address-prohibited'],
    [byName('nowhere.test', 22), 4, 'name-not-found'],
    [byName('site.test\0', 22), 1, 'malformed-target'],
    [byName('a'.repeat(255), 22), 1, 'malformed-target'],
    [byName('site.test', 0), 1, 'malformed-target'],
    [Buffer.from([5, 2, 0, 1, 93, 184, 215, 14, 0, 22]), 7, 'socks-command-refused'],
    [Buffer.from([5, 3, 0, 1, 0, 0, 0, 0, 0, 0]), 7, 'socks-command-refused'],
  ] as const;
  for (const [request, code, reason] of cases) {
    const answer = await say(stand, Buffer.concat([NO_AUTHENTICATION, request]));
    assert.deepEqual(answer, Buffer.from([5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0]), reason);
    assert.equal((await stand.decision()).reason, reason);
  }
  assert.deepEqual([stand.dials.length, stand.decisions.length], [0, cases.length]);
});

test('a destination that refuses the connection gets reply code 5', async (context) => {
  const stand = await openStand(context, () => 1);
  const answer = await say(stand, Buffer.concat([NO_AUTHENTICATION, byName('site.test', 22)]));
  assert.equal(answer[3], 5);
  assert.deepEqual(told(await stand.decision()).slice(0, 2), ['fail', 'connect-refused']);
});

test('username and password are the client of the record, and of the policy', async (context) => {
  const policy = 'default: none, allow: [ { host: site.test, ports: [22], clients: [git] } ]';
  const stand = await openStand(context, await echo(context), { policy, more: CLIENTS });
  const known = await say(
    stand,
    Buffer.concat([credentials('git', 't0ken-of-git-1234567890'), byName('site.test', 22)]),
  );
  assert.deepEqual(known, Buffer.from([5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
  assert.equal((await stand.decision()).client.name, 'git');
  const unnamed = await say(stand, Buffer.concat([NO_AUTHENTICATION, byName('site.test', 22)]));
  assert.equal(unnamed[3], 2);
  assert.equal((await stand.decision()).reason, 'host-not-allowed');
});

test('wrong credentials are refused, never taken for an unnamed client', async (context) => {
  const stand = await openStand(context, await echo(context), { more: CLIENTS });
  for (const [user, password] of [
    ['git', 'wrong'],
    ['git', ''],
    ['git', 't0ken-of-git-123456789'],
    ['nobody', 't0ken-of-git-1234567890'],
  ] as const) {
    const answer = await say(stand, Buffer.concat([credentials(user, password), byName('site.test', 22)]));
    assert.deepEqual(answer, Buffer.from([5, 2, 1, 1]));
    assert.deepEqual(told(await stand.decision()), ['deny', 'client-unauthenticated', null, null]);
  }
  assert.deepEqual([stand.queries, stand.dials], [[], []]);
});

test('a client that offers both methods is not asked for what nobody has', async (context) => {
  const stand = await openStand(context, await echo(context));
  const both = Buffer.from([5, 2, 0, 2]);
  assert.deepEqual(await say(stand, Buffer.concat([both, byName('site.test', 22)])), OPENED);
  assert.equal((await stand.decision()).client.name, null);
});

test('an empty password is no credential: Java gives the user of the system, unasked', async (context) => {
  const policy = 'default: none, allow: [ { host: other.test, ports: [22] }, { host: site.test, clients: [git] } ]';
  const stand = await openStand(context, await echo(context), { policy, more: CLIENTS });
  const open = await say(stand, Buffer.concat([credentials('root', ''), byName('other.test', 22)]));
  assert.deepEqual(open, Buffer.from([5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
  assert.deepEqual([(await stand.decision()).client.name], [null]);
  const closed = await say(stand, Buffer.concat([credentials('root', ''), byName('site.test', 22)]));
  assert.deepEqual([...closed.subarray(0, 6)], [5, 2, 1, 0, 5, 2]);
});

test('what is not SOCKS 5 is closed with one record', async (context) => {
  const stand = await openStand(context, () => 0);
  const cases = [
    [Buffer.from([4, 1, 0, 22, 93, 184, 215, 14, 0]), 0, 'malformed-socks'],
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 0, 'malformed-socks'],
    [wireHello(), 0, 'malformed-socks'],
    [Buffer.from([5, 0]), 0, 'malformed-socks'],
    [Buffer.from([5, 1, 1]), 2, 'client-unauthenticated'],
    [Buffer.from([5, 1, 2, 5, 1, 0]), 2, 'malformed-socks'],
    [Buffer.from([5, 1, 0, 5, 1, 0, 9, 1, 2, 3, 4, 0, 22]), 2, 'malformed-socks'],
    [Buffer.from([5, 1, 0, 5, 1]), 2, 'client-closed'],
  ] as const;
  for (const [wire, length, reason] of cases) {
    const answer = await say(stand, wire);
    assert.ok(answer.length >= length, reason);
    assert.equal((await stand.decision()).reason, reason);
  }
  assert.equal(stand.decisions.length, cases.length);
});

test('a handshake that is slow is refused at limits.headerTimeout, and silence leaves no record', async (context) => {
  const stand = await openStand(context, () => 0, { limits: { headerTimeoutMs: 4000 } });
  const [slow, silent] = [await stand.connect('socks'), await stand.connect('socks')];
  slow.write(Buffer.from([5]));
  assert.equal((await readAll(slow)).length + (await readAll(silent)).length, 0);
  assert.equal((await stand.decision()).reason, 'handshake-timeout');
  assert.equal(stand.decisions.length, 1);
});

test('the server name is checked behind SOCKS as behind CONNECT', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: 'default: public, sni: enforce' });
  const fronting = Buffer.concat([NO_AUTHENTICATION, byName('site.test', 443), wireHello({ sni: 'other.test' })]);
  assert.deepEqual(await say(stand, fronting), Buffer.concat([OPENED, Buffer.from([21, 3, 3, 0, 2, 2, 49])]));
  assert.deepEqual(told(await stand.decision()), ['deny', 'sni-mismatch', 'site.test', 443]);
});

test('a server that speaks first is heard at once', async (context) => {
  const port = await openOrigin(context, (socket) => void socket.write('SSH-2.0-server\r\n'));
  const stand = await openStand(context, () => port);
  const socket = await stand.connect('socks');
  socket.write(Buffer.concat([NO_AUTHENTICATION, byName('site.test', 22)]));
  let heard = Buffer.alloc(0);
  while (!heard.includes('\n')) heard = Buffer.concat([heard, (await once(socket, 'data'))[0]]);
  assert.deepEqual(heard, Buffer.concat([OPENED, Buffer.from('SSH-2.0-server\r\n')]));
});

function byName(name: string, port: number): Buffer {
  return Buffer.concat([
    Buffer.from([5, 1, 0, 3, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([port >> 8, port & 255]),
  ]);
}

function credentials(user: string, password: string): Buffer {
  const parts = [user, password].map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part)]));
  return Buffer.concat([Buffer.from([5, 2, 0, 2, 1]), ...parts]);
}

function told({ outcome, reason, host, port }: DecisionRecord): unknown[] {
  return [outcome, reason, host, port];
}

async function say(stand: Stand, wire: Buffer): Promise<Buffer> {
  const socket = await stand.connect('socks');
  socket.end(wire);
  return readAll(socket);
}

async function echo(context: TestContext): Promise<() => number> {
  const port = await openOrigin(context, (socket: Socket) => void socket.pipe(socket));
  return () => port;
}
