/** What was forbidden while it was dialled gets not a byte, be it of a tunnel or of a request that is sent again. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Address, addressFromBytes } from '../../proxy/core/address.js';
import { listenTo } from '../http/conversation.js';
import { table } from '../http/fake-dns.js';
import { type RawOrigin, startRawOrigin } from '../http/raw-origin.js';
import { configOf, type ProxyOptions, startProxy } from '../http/start-proxy.js';
import { promisedDialer } from '../net/promised-dialer.js';

const A = addressFromBytes([93, 184, 215, 14]);
const B = addressFromBytes([93, 184, 216, 34]);
const LIMIT = { timeout: 240_000 };

/** Every address is the origin; each dial is announced, and waits where `holds` says so. */
function heldDialer(port: number, plan: readonly { readonly address: Address; readonly holds: boolean }[]) {
  const dials = new EventEmitter();
  let at = 0;
  const dialer = promisedDialer(async () => {
    const { address, holds } = plan[at++] ?? assert.fail('dialled too often');
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect');
    const go = once(dials, 'go');
    dials.emit('held');
    if (holds) await go;
    return { socket, address };
  });
  return { dialer, dials };
}

test('a tunnel that was forbidden while it was dialled is refused, and nothing of it leaves', LIMIT, async (t) => {
  let heard = '';
  const origin = await startRawOrigin((_, text) => {
    heard += text;
  });
  const { dialer, dials } = heldDialer(origin.port, [{ address: A, holds: true }]);
  const dns = table({ 'a.test': [A.text] });
  const { proxy, client, conversation } = await stand(t, origin, { dns, dialer });
  const held = once(dials, 'held');
  client.write('CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\nsecret');
  await held;
  const [up] = origin.open;
  assert.ok(up);
  const policy = { default: 'public', sni: 'off', deny: [{ host: 'a.test' }] };
  await proxy.app.reload(await configOf({ version: 1, policy }));
  const lost = once(up, 'close');
  up.on('end', () => up.end());
  dials.emit('go');
  await conversation.until(({ ended }) => ended);
  await lost;
  assert.equal(heard, '');
  assert.match(conversation.heard.text, /^HTTP\/1\.1 403 [\s\S]*host-denied/);
  assert.equal((await proxy.decision(0)).reason, 'host-denied');
  assert.deepEqual(proxy.defects, []);
});

test('a request that is sent again does not reach an address that was forbidden meanwhile', LIMIT, async (t) => {
  let heard = '';
  const origin = await startRawOrigin((socket, text) => {
    heard += text;
    if (text.includes('/second')) socket.destroy();
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const { dialer, dials } = heldDialer(origin.port, [
    { address: A, holds: false },
    { address: B, holds: true },
  ]);
  const dns = table({ 'a.test': [A.text, B.text] });
  const { proxy, client, conversation } = await stand(t, origin, { dns, dialer });
  const request = (path: string): string => `GET http://a.test${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
  client.write(request('/first'));
  await conversation.until(({ text }) => text.endsWith('ok'));
  const held = once(dials, 'held');
  client.write(request('/second'));
  await held;
  await proxy.app.reload(
    await configOf({ version: 1, policy: { default: 'public', deny: [{ address: '93.184.216.0/24' }] } }),
  );
  dials.emit('go');
  await conversation.until(({ ended }) => ended);
  assert.equal(heard.match(/second/g)?.length, 1);
  assert.equal((await proxy.decision(1)).reason, 'address-denied');
  assert.deepEqual(proxy.defects, []);
});

/** A proxy that allows everything public, and a client of it. */
async function stand(t: TestContext, origin: RawOrigin, options: Pick<ProxyOptions, 'dns' | 'dialer'>) {
  const proxy = await startProxy({ config: { policy: { default: 'public', sni: 'off' } }, ...options });
  const client = await proxy.connect();
  t.after(async () => {
    client.destroy();
    await proxy.stop();
    await origin.close();
  });
  return { proxy, client, conversation: listenTo(client) };
}
