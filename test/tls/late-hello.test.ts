/** A ClientHello in a tunnel that does not become whole in time. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { openOrigin, openStand, readAll, type Stand } from '../door/stand.js';
import { wireHello } from './hello-bytes.js';
import { connectTo, echo, tunnel } from './stand-tunnel.js';

const ENFORCE = 'default: public, sni: enforce';
/** The head of a CONNECT has as long, so it is no shorter. */
const LATE = { limits: { headerTimeoutMs: 3000 } };

for (const door of ['CONNECT', 'CONNECT, with its first octet', 'SOCKS'] as const) {
  test(`${door}: a ClientHello that comes octet by octet has one deadline for all of them under enforce`, async (t) => {
    let reached = 0;
    const port = await openOrigin(t, (socket) => socket.on('data', (bytes: Buffer) => (reached += bytes.length)));
    const stand = await openStand(t, () => port, { policy: ENFORCE, ...LATE });
    const wire = wireHello({ sni: 'site.test' });
    const socket = await openVia(stand, door, wire);
    const ended = readAll(socket);
    const dripping = drip(socket, wire.subarray(door.includes('first') ? 1 : 0));
    assert.deepEqual(await ended, Buffer.alloc(0));
    clearInterval(dripping);
    const { outcome, reason } = await stand.decision();
    const closed = await stand.closed();
    // Where nothing had come for a moment the tunnel was recorded as allowed, and its end says why.
    assert.equal(outcome === 'allow' ? closed.reason : reason, 'handshake-timeout');
    assert.deepEqual([closed.cause, reached], ['refused', 0]);
  });
}

test('under log, what is late passes, and its close record says so', async (t) => {
  const stand = await openStand(t, await echo(t), { policy: 'default: public, sni: log', ...LATE });
  const wire = wireHello({ sni: 'site.test' });
  const socket = await tunnel(stand, 'site.test:443');
  socket.write(wire.subarray(0, 10));
  // Nothing comes back before it is judged.
  const [first] = await once(socket, 'data');
  assert.deepEqual(first, wire.subarray(0, 10));
  socket.end(wire.subarray(10));
  assert.deepEqual(await readAll(socket), wire.subarray(10));
  const { outcome, reason } = await stand.decision();
  const closed = await stand.closed();
  assert.deepEqual([outcome, reason ?? closed.reason, closed.cause], ['allow', 'handshake-timeout', 'end']);
});

test('a tunnel that is silent, or in which something else than TLS is spoken, has no such deadline', async (t) => {
  const stand = await openStand(t, await echo(t), { policy: ENFORCE, ...LATE });
  const late = await openVia(stand, 'CONNECT, with its first octet', wireHello({ sni: 'site.test' }));
  const [silent, plain] = [await tunnel(stand, 'site.test:443'), await tunnel(stand, 'site.test:22')];
  plain.write('SSH-2.0-x');
  assert.equal(String((await once(plain, 'data'))[0]), 'SSH-2.0-x');
  // The one that has begun a ClientHello is over: so is the time of the others.
  await readAll(late);
  plain.write('more');
  assert.equal(String((await once(plain, 'data'))[0]), 'more');
  silent.end(wireHello({ sni: 'site.test' }));
  assert.deepEqual(await readAll(silent), wireHello({ sni: 'site.test' }));
});

/** One octet at a time, for as long as it is read, and never the last one. */
function drip(socket: Socket, bytes: Buffer): NodeJS.Timeout {
  let at = 0;
  const dripping = setInterval(() => {
    if (socket.writable && at < bytes.length - 1) socket.write(bytes.subarray(at, at + 1));
    at += 1;
  }, 100);
  socket.on('close', () => clearInterval(dripping));
  return dripping;
}

async function openVia(stand: Stand, door: string, wire: Buffer): Promise<Socket> {
  if (door === 'CONNECT') return tunnel(stand, 'site.test:443');
  if (door !== 'SOCKS') {
    const socket = await stand.connect('proxy');
    socket.write(Buffer.concat([Buffer.from(connectTo('site.test:443')), wire.subarray(0, 1)]));
    await once(socket, 'data');
    return socket;
  }
  const socket = await stand.connect('socks');
  socket.write(Buffer.from([5, 1, 0]));
  await once(socket, 'data');
  socket.write(Buffer.from([5, 1, 0, 3, 9, ...Buffer.from('site.test'), 1, 187]));
  await once(socket, 'data');
  return socket;
}
