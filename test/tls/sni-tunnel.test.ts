import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { openOrigin, openStand, readAll } from '../door/stand.js';
import { handshake, helloBody, records, wireHello } from './hello-bytes.js';
import { connectTo, echo, tunnel } from './stand-tunnel.js';

const ENFORCE = 'default: public, sni: enforce';
const ACCESS_DENIED = Buffer.from([21, 3, 3, 0, 2, 2, 49]);

test('domain fronting is refused under enforce, before a byte of it reaches the origin', async (context) => {
  let reached = 0;
  const port = await openOrigin(context, (socket) => socket.on('data', (bytes: Buffer) => (reached += bytes.length)));
  const stand = await openStand(context, () => port, { policy: ENFORCE });
  for (const wire of [wireHello({ sni: 'other.test' }), records(handshake(helloBody({ sni: 'other.test' })), 1)]) {
    const socket = await tunnel(stand, 'site.test:443');
    socket.write(wire);
    assert.deepEqual(await readAll(socket), ACCESS_DENIED);
    const decision = await stand.decision();
    assert.deepEqual(told(decision), ['deny', 'sni-mismatch', 'sni', 'site.test', 443]);
    assert.equal(decision.serverName, 'other.test');
    assert.equal((await stand.closed()).cause, 'refused');
  }
  assert.deepEqual([reached, stand.decisions.length], [0, 2]);
});

test('domain fronting passes under log, and its one record says what enforce would have said', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: 'default: public, sni: log' });
  const socket = await tunnel(stand, 'site.test:443');
  socket.end(wireHello({ sni: 'other.test' }));
  assert.ok((await readAll(socket)).equals(wireHello({ sni: 'other.test' })));
  const decision = await stand.decision();
  assert.deepEqual(told(decision), ['allow', 'sni-mismatch', 'sni', 'site.test', 443]);
  assert.equal(decision.serverName, 'other.test');
  assert.equal((await stand.closed()).cause, 'end');
  assert.equal(stand.decisions.length, 1);
});

test('in mode report, enforce refuses nothing', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: `${ENFORCE}, mode: report` });
  const socket = await tunnel(stand, 'site.test:443');
  socket.end(wireHello({ sni: 'other.test' }));
  assert.ok((await readAll(socket)).equals(wireHello({ sni: 'other.test' })));
  assert.deepEqual(told(await stand.decision()).slice(0, 2), ['allow', 'sni-mismatch']);
});

test('with sni off, the record is written when the tunnel opens, whatever comes', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: 'default: public, sni: off' });
  const socket = await tunnel(stand, 'site.test:443');
  assert.deepEqual(told(await stand.decision()), ['allow', null, 'default', 'site.test', 443]);
  socket.end(wireHello({ sni: 'other.test' }));
  assert.ok((await readAll(socket)).equals(wireHello({ sni: 'other.test' })));
  assert.equal(stand.decisions.length, 1);
});

test('the name of the tunnel itself passes under enforce, in any case and fragmentation', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: ENFORCE });
  const wires = [
    wireHello({ sni: 'SITE.test' }),
    records(handshake(helloBody()), 3),
    Buffer.concat([wireHello(), Buffer.from('early')]),
  ];
  for (const wire of wires) {
    const socket = await tunnel(stand, 'Site.Test.:443');
    for (const byte of wire) socket.write(Buffer.from([byte]));
    socket.end();
    assert.ok((await readAll(socket)).equals(wire));
    const decision = await stand.decision();
    assert.deepEqual([...told(decision).slice(0, 2), 'serverName' in decision], ['allow', null, false]);
    assert.equal((await stand.closed()).bytesUp, wire.length);
  }
});

test('a ClientHello that comes with the CONNECT is judged like any other', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: ENFORCE });
  const socket = await stand.connect('proxy');
  socket.write(Buffer.concat([Buffer.from(connectTo('site.test:443')), wireHello({ sni: 'other.test' })]));
  const answer = await readAll(socket);
  assert.ok(answer.subarray(-ACCESS_DENIED.length).equals(ACCESS_DENIED));
  assert.deepEqual(told(await stand.decision()).slice(0, 2), ['deny', 'sni-mismatch']);
});

test('on a TLS port, enforce lets nothing but TLS with a name pass', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: ENFORCE });
  const cases = [
    [wireHello({ sni: null }), 'sni-missing'],
    [wireHello({ sni: '10.0.0.1' }), 'sni-invalid'],
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'tls-expected'],
    [Buffer.from([22, 3, 1, 0, 0]), 'malformed-hello'],
    [wireHello().subarray(0, 20), 'malformed-hello'],
  ] as const;
  for (const [wire, reason] of cases) {
    const socket = await tunnel(stand, 'site.test:443');
    socket.end(wire);
    await readAll(socket);
    assert.deepEqual(told(await stand.decision()).slice(0, 2), ['deny', reason]);
  }
  const speaks = await openOrigin(context, (socket) => socket.write('SSH-2.0-server\r\n'));
  const other = await openStand(context, () => speaks, { policy: ENFORCE });
  assert.equal((await readAll(await tunnel(other, 'site.test:443'))).length, 0);
  assert.deepEqual(told(await other.decision()).slice(0, 2), ['deny', 'tls-expected']);
});

test('the address of a tunnel is what was allowed: any name may stand in its ClientHello', async (context) => {
  const stand = await openStand(context, await echo(context), { policy: ENFORCE });
  for (const sni of ['site.test', null]) {
    const socket = await tunnel(stand, '93.184.215.14:443');
    socket.end(wireHello({ sni }));
    assert.ok((await readAll(socket)).equals(wireHello({ sni })));
    assert.deepEqual(told(await stand.decision()).slice(0, 2), ['allow', null]);
  }
});

for (const sni of ['enforce', 'log']) {
  test(`a banner of SSH or SMTP arrives through a tunnel while its client is silent (${sni})`, async (context) => {
    for (const [port, banner] of [
      [22, 'SSH-2.0-server\r\n'],
      [25, '220 mail.test ESMTP\r\n'],
    ] as const) {
      const origin = await openOrigin(context, (socket) => void socket.write(banner));
      const stand = await openStand(context, () => origin, { policy: `default: public, sni: ${sni}` });
      const socket = await tunnel(stand, `site.test:${port}`);
      assert.equal(String((await once(socket, 'data'))[0]), banner);
      assert.deepEqual(told(await stand.decision()), ['allow', null, 'default', 'site.test', port]);
    }
  });

  test(`what a client says first without TLS goes up at once (${sni})`, async (context) => {
    const stand = await openStand(context, await echo(context), { policy: `default: public, sni: ${sni}` });
    const socket = await tunnel(stand, 'site.test:22');
    socket.write('S');
    assert.equal(String((await once(socket, 'data'))[0]), 'S');
    assert.deepEqual(told(await stand.decision()).slice(0, 2), ['allow', null]);
  });

  test(`a tunnel that ends without a word has its record all the same (${sni})`, async (context) => {
    const stand = await openStand(context, await echo(context), { policy: `default: public, sni: ${sni}` });
    (await tunnel(stand, 'site.test:443')).end();
    assert.deepEqual(told(await stand.decision()).slice(0, 2), ['allow', null]);
    (await tunnel(stand, 'site.test:443')).resetAndDestroy();
    assert.deepEqual(told(await stand.decision()).slice(0, 2), ['allow', null]);
    assert.equal(stand.decisions.length, 2);
  });
}

test('a silent tunnel is recorded within a moment, once, and its first bytes are judged all the same', async (context) => {
  for (const [sni, cause] of [
    ['log', 'end'],
    ['enforce', 'refused'],
  ] as const) {
    const stand = await openStand(context, await echo(context), { policy: `default: public, sni: ${sni}` });
    const socket = await tunnel(stand, 'site.test:443');
    assert.deepEqual(told(await stand.decision()).slice(0, 2), ['allow', null]);
    socket.end(wireHello({ sni: 'other.test' }));
    const answer = await readAll(socket);
    assert.deepEqual(answer, sni === 'log' ? wireHello({ sni: 'other.test' }) : ACCESS_DENIED);
    const closed = await stand.closed();
    assert.deepEqual([closed.cause, closed.reason, closed.serverName], [cause, 'sni-mismatch', 'other.test']);
    assert.equal(stand.decisions.length, 1);
  }
});

function told({ outcome, reason, rule, host, port }: DecisionRecord): unknown[] {
  return [outcome, reason, rule, host, port];
}
