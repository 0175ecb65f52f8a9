import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { openOrigin, openStand, readAll, type Stand } from '../door/stand.js';
import { extension, handshake, helloBody, records, serverNameList, wireHello } from './hello-bytes.js';

const ACCESS_DENIED = Buffer.from([21, 3, 3, 0, 2, 2, 49]);
const INTERNAL_ERROR = Buffer.from([21, 3, 3, 0, 2, 2, 80]);
/** RFC 6066 section 3: what a TLS client shows for a name that has no address. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);
const PSK = Buffer.alloc(16, 1);
const TLS = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const;

test('the server name is the target, and the TLS session is between the client and the origin', async (context) => {
  const origin = tls.createServer({ ...TLS, pskCallback: () => PSK }, (socket) => socket.end('hello from the origin'));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  context.after(() => origin.close());
  const { port } = origin.address() as AddressInfo;
  const stand = await openStand(context, () => port);
  const socket = await stand.connect('steer.tls');
  const client = tls.connect({
    socket,
    servername: 'SITE.test',
    ...TLS,
    pskCallback: () => ({ psk: PSK, identity: 'tool' }),
    checkServerIdentity: () => undefined,
  });
  const said: Buffer[] = [];
  client.on('data', (piece: Buffer) => said.push(piece));
  await once(client, 'end');
  assert.equal(String(Buffer.concat(said)), 'hello from the origin');
  const { outcome, door, method, host, port: asked, addresses, status, reason } = await stand.decision();
  assert.deepEqual(
    { outcome, door, method, host, asked, addresses, status, reason },
    {
      outcome: 'allow',
      door: 'steer-tls',
      method: null,
      host: 'site.test',
      asked: 443,
      addresses: ['93.184.215.14'],
      status: null,
      reason: null,
    },
  );
  client.destroy();
  assert.ok((await stand.closed()).bytesUp > 0);
  assert.equal(stand.dials.length, 1);
});

test('the bytes reach the origin as they came, in whatever pieces', async (context) => {
  const stand = await openStand(context, await echo(context));
  const wires = [
    records(handshake(helloBody()), 1),
    records(handshake(helloBody()), 64),
    wireHello({ extensions: [extension(21, Buffer.alloc(10_000)), extension(41, Buffer.alloc(10_000))] }),
    Buffer.concat([wireHello(), Buffer.from('and what comes early')]),
  ];
  for (const wire of wires) {
    const socket = await stand.connect('steer.tls');
    socket.setNoDelay(true);
    if (wire.length < 2000) for (const byte of wire) socket.write(Buffer.from([byte]));
    else socket.write(wire);
    socket.end();
    assert.ok((await readAll(socket)).equals(wire));
    assert.equal((await stand.decision()).outcome, 'allow');
  }
});

test('what no policy lets through is refused with an alert and one record, without a dial', async (context) => {
  const stand = await openStand(context, () => 0, { policy: 'default: public, deny: [ { host: denied.test } ]' });
  const cases = [
    ['private.test', 'address-prohibited'],
    ['mixed.test', 'mixed-answer'],
    ['metadata.test', 'metadata-address'],
    // No prefix names such addresses, so that no NetworkPolicy refuses them.
    ['isatap.test', 'address-prohibited'],
    ['denied.test', 'host-denied'],
    ['localhost', 'address-prohibited'],
    ['metadata.google.internal', 'metadata-address'],
  ] as const;
  for (const [sni, reason] of cases) {
    assert.deepEqual(await refused(stand, wireHello({ sni })), ACCESS_DENIED, sni);
    const { outcome, door, host, port, reason: recorded } = await stand.decision();
    assert.deepEqual([outcome, door, host, port, recorded], ['deny', 'steer-tls', sni, 443, reason]);
  }
  assert.deepEqual(await refused(stand, wireHello({ sni: 'nowhere.test' })), UNRECOGNIZED_NAME);
  assert.equal((await stand.decision()).reason, 'name-not-found');
  assert.deepEqual([stand.dials.length, stand.decisions.length], [0, cases.length + 1]);
});

test('what names no server is refused, logged and closed, without a query', async (context) => {
  const stand = await openStand(context, () => 0);
  const ech = extension(0xfe0d, Buffer.from([0, 0, 1, 0, 1, 7, 0, 0]));
  const name = (text: string) => ({ type: 0, name: Buffer.from(text, 'latin1') });
  const cases: readonly (readonly [what: string, wire: Buffer, reason: string])[] = [
    ['no name', wireHello({ sni: null }), 'sni-missing'],
    ['two trailing dots', wireHello({ sni: 'site.test..' }), 'sni-invalid'],
    ['NUL', wireHello({ sni: 'site.test\0.other.test' }), 'sni-invalid'],
    ['300 octets', wireHello({ sni: 'a.'.repeat(150) }), 'sni-invalid'],
    ['an IPv4 literal', wireHello({ sni: '169.254.169.254' }), 'sni-invalid'],
    ['an IPv4 literal in decimal', wireHello({ sni: '2852039166' }), 'sni-invalid'],
    ['an IPv6 literal', wireHello({ sni: '::ffff:10.0.0.1' }), 'sni-invalid'],
    [
      'two names',
      wireHello({ sni: null, extensions: [serverNameList([name('site.test'), name('other.test')])] }),
      'sni-invalid',
    ],
    ['a name under ECH only', wireHello({ sni: null, extensions: [ech] }), 'sni-encrypted'],
    ['the name of an ECH provider', wireHello({ sni: 'cloudflare-ech.com', extensions: [ech] }), 'sni-encrypted'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: site.test\r\n\r\n'), 'tls-expected'],
    ['SSH', Buffer.from('SSH-2.0-client\r\n'), 'tls-expected'],
    ['an alert', ACCESS_DENIED, 'tls-expected'],
    [
      'a hello that never ends',
      records(Buffer.concat([Buffer.from([1, 0, 0x7f, 0]), Buffer.alloc(40_000)])),
      'malformed-hello',
    ],
    ['half a hello', wireHello().subarray(0, 40), 'malformed-hello'],
  ];
  for (const [what, wire, reason] of cases) {
    assert.deepEqual(await refused(stand, wire), ACCESS_DENIED, what);
    const { outcome, reason: recorded, host } = await stand.decision();
    assert.deepEqual([outcome, recorded, host], ['deny', reason, null], what);
  }
  assert.deepEqual([stand.queries, stand.dials, stand.decisions.length], [[], [], cases.length]);
});

test('a browser that greases ECH under its true name passes', async (context) => {
  const stand = await openStand(context, await echo(context));
  const socket = await stand.connect('steer.tls');
  const wire = wireHello({ extensions: [extension(0xfe0d, Buffer.alloc(200))] });
  socket.end(wire);
  assert.ok((await readAll(socket)).equals(wire));
});

test('a hello that is slow is refused at limits.headerTimeout, and a silent client is dropped', async (context) => {
  const stand = await openStand(context, () => 0, { limits: { headerTimeoutMs: 4000 } });
  const [slow, silent] = [await stand.connect('steer.tls'), await stand.connect('steer.tls')];
  slow.write(wireHello().subarray(0, 30));
  assert.deepEqual(await readAll(slow), ACCESS_DENIED);
  assert.equal((await stand.decision()).reason, 'handshake-timeout');
  assert.equal((await readAll(silent)).length, 0);
  assert.equal(stand.decisions.length, 1);
});

test('a client that resets within its hello causes no dial and leaves the door open', async (context) => {
  const stand = await openStand(context, await echo(context));
  const socket = await stand.connect('steer.tls');
  socket.write(wireHello().subarray(0, 30));
  socket.resetAndDestroy();
  const next = await stand.connect('steer.tls');
  next.end(wireHello());
  assert.ok((await readAll(next)).equals(wireHello()));
  assert.equal(stand.dials.length, 1);
});

test('a client that goes away without a word has no record, however it goes', async (context) => {
  const stand = await openStand(context, await echo(context));
  const [ending, resetting] = [await stand.connect('steer.tls'), await stand.connect('steer.tls')];
  resetting.resetAndDestroy();
  ending.end();
  assert.equal((await readAll(ending)).length, 0);
  const next = await stand.connect('steer.tls');
  next.end(wireHello());
  assert.ok((await readAll(next)).equals(wireHello()));
  assert.deepEqual(
    stand.decisions.map(({ outcome }) => outcome),
    ['allow'],
  );
});

test('over a connection limit, a hello is answered with an alert and the reason busy', async (context) => {
  const stand = await openStand(context, await echo(context), { limits: { connectionsPerClient: 1 } });
  const first = await stand.connect('steer.tls');
  first.write(wireHello());
  await once(first, 'data');
  assert.deepEqual(await refused(stand, wireHello()), INTERNAL_ERROR);
  assert.deepEqual([(await stand.decision()).outcome, (await stand.decision()).reason], ['allow', 'busy']);
});

async function refused(stand: Stand, wire: Buffer): Promise<Buffer> {
  const socket = await stand.connect('steer.tls');
  socket.end(wire);
  return readAll(socket);
}

async function echo(context: TestContext): Promise<() => number> {
  const port = await openOrigin(context, (socket: Socket) => void socket.pipe(socket));
  return () => port;
}
