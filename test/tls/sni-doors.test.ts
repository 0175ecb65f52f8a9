import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openOrigin, openStand, readAll, type Stand } from '../door/stand.js';
import { wireHello } from './hello-bytes.js';

const ENFORCE = 'default: public, sni: enforce';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
const CLOSE = 'Connection: close\r\n';

/** A request in plain text to a port that is for TLS, by every door that can carry one. */
const PLAIN: readonly (readonly [way: string, door: string, request: string])[] = [
  ['absolute-form', 'proxy', `GET http://site.test:443/ HTTP/1.1\r\nHost: site.test:443\r\n${CLOSE}\r\n`],
  ['absolute-form to an address', 'proxy', `GET http://93.184.215.14:8443/ HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`],
  ['Upgrade', 'proxy', `GET http://site.test:443/ HTTP/1.1\r\nHost: site.test:443\r\n${UPGRADE}\r\n`],
  ['origin-form at the steering door', 'steer.http', `GET / HTTP/1.1\r\nHost: site.test:443\r\n${CLOSE}\r\n`],
  ['Upgrade at the steering door', 'steer.http', `GET / HTTP/1.1\r\nHost: site.test:993\r\n${UPGRADE}\r\n`],
];

for (const [way, door, request] of PLAIN) {
  test(`plain text to a TLS port is refused under enforce, by name and before DNS: ${way}`, async (t) => {
    const stand = await standWith(t, ENFORCE);
    assert.match(await exchange(stand, door, request), /^HTTP\/1\.1 400 Egress denied: tls-expected/);
    const { outcome, reason, rule } = await stand.decision();
    assert.deepEqual([outcome, reason, rule], ['deny', 'tls-expected', 'sni']);
    assert.deepEqual([stand.queries, stand.dials], [[], []]);
  });

  test(`plain text to a TLS port passes under log and off, and log says so: ${way}`, async (t) => {
    for (const [policy, reason] of [
      ['default: public, sni: log', 'tls-expected'],
      ['default: public, sni: enforce, mode: report', 'tls-expected'],
      ['default: public, sni: "off"', null],
    ]) {
      const stand = await standWith(t, policy ?? '');
      await exchange(stand, door, request);
      const record = await stand.decision();
      assert.deepEqual([record.outcome, record.reason], ['allow', reason]);
    }
  });
}

test('plain text to a port that is not for TLS, and https by our own hand, are no matter of the server name', async (t) => {
  const stand = await standWith(t, ENFORCE);
  await exchange(stand, 'proxy', `GET http://site.test:8080/ HTTP/1.1\r\nHost: site.test:8080\r\n${CLOSE}\r\n`);
  assert.deepEqual((await stand.decision()).outcome, 'allow');
  await exchange(stand, 'proxy', `GET https://site.test/ HTTP/1.1\r\nHost: site.test\r\n${CLOSE}\r\n`);
  assert.notEqual((await stand.decision()).reason, 'tls-expected');
});

test('a client that rightly sends no server name passes under enforce', async (t) => {
  const stand = await standWith(t, ENFORCE);
  for (const authority of ['intranet:443', 'a_b.test:443', '93.184.215.14:443']) {
    assert.deepEqual(await overTunnel(stand, authority, null), ['allow', null], authority);
  }
  assert.deepEqual(await overTunnel(stand, 'site.test:443', null), ['deny', 'sni-missing']);
});

test('a server name is compared wherever one is sent, and a trailing dot is the same name', async (t) => {
  const stand = await standWith(t, ENFORCE);
  for (const [authority, sni, outcome] of [
    ['site.test:443', 'site.test.', ['allow', null]],
    ['site.test.:443', 'site.test', ['allow', null]],
    ['site.test.:443', 'SITE.test.', ['allow', null]],
    ['intranet:443', 'intranet', ['allow', null]],
    ['intranet:443', 'other.test', ['deny', 'sni-mismatch']],
    ['a_b.test:443', 'other.test', ['deny', 'sni-mismatch']],
    ['93.184.215.14:443', '93.184.215.14', ['allow', null]],
    ['site.test:443', '93.184.215.14', ['deny', 'sni-invalid']],
    ['site.test:443', 'site.test..', ['deny', 'sni-invalid']],
  ] as const) {
    assert.deepEqual(await overTunnel(stand, authority, sni), outcome, `${authority} ${sni}`);
  }
});

test('the steering door takes a server name with a trailing dot for the name', async (t) => {
  const stand = await standWith(t, ENFORCE);
  const socket = await stand.connect('steer.tls');
  socket.end(wireHello({ sni: 'site.test.' }));
  await readAll(socket);
  const { outcome, host } = await stand.decision();
  assert.deepEqual([outcome, host], ['allow', 'site.test']);
});

async function overTunnel(stand: Stand, authority: string, sni: string | null): Promise<unknown> {
  const socket = await stand.connect('proxy');
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  socket.end(wireHello({ sni }));
  await readAll(socket);
  const { outcome, reason } = await stand.decision();
  return [outcome, reason];
}

async function standWith(t: TestContext, policy: string): Promise<Stand> {
  const origin = await openOrigin(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  return openStand(t, () => origin, { policy });
}

async function exchange(stand: Stand, door: string, request: string): Promise<string> {
  const socket: Socket = await stand.connect(door);
  socket.end(request);
  return (await readAll(socket)).toString('latin1');
}
