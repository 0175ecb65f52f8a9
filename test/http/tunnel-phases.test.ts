import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { untilClosed } from '../net/until-closed.js';
import { type Conversation, listenTo } from './conversation.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
const LIMIT = { timeout: 240_000 };

let proxy: RunningProxy;

before(async () => {
  proxy = await startProxy({
    config: {
      policy: { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
      limits: { drainTimeout: '1s' },
    },
    dns: ({ name }) => (name.endsWith('slow.example') ? { silent: true } : {}),
  });
});
after(() => proxy.stop());

interface Tunnel {
  readonly client: Socket;
  readonly conversation: Conversation;
  readonly origin: Socket;
  readonly received: Conversation;
  readonly server: net.Server;
}

/** A tunnel to an origin that does nothing by itself. `early`: bytes after the CONNECT. */
async function openTunnel(early = ''): Promise<Tunnel> {
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  assert.ok(at !== null && typeof at === 'object');
  const authority = `127.0.0.1:${at.port}`;
  const client = await proxy.connect();
  const conversation = listenTo(client);
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  client.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n${early}`);
  const origin = await accepted;
  const received = listenTo(origin);
  await conversation.until(({ text }) => text.startsWith(ESTABLISHED));
  return { client, conversation, origin, received, server };
}

/** Every socket of the tunnel is gone, and the proxy has forgotten it. */
async function settled({ client, origin, server }: Tunnel): Promise<void> {
  client.destroy();
  origin.destroy();
  server.close();
  await once(server, 'close');
  while (proxy.app.openConnections > 0 || proxy.app.openTunnels > 0) await setImmediate();
  assert.deepEqual(proxy.defects, []);
}

test('bytes sent early arrive once, in order, before those that follow', LIMIT, async () => {
  const tunnel = await openTunnel('early ');
  tunnel.client.write('late');
  await tunnel.received.until(({ text }) => text.length === 10);
  assert.equal(tunnel.received.heard.text, 'early late');
  await settled(tunnel);
});

test('a client that ends its side still gets the answer', LIMIT, async () => {
  const tunnel = await openTunnel();
  tunnel.client.end('question');
  await tunnel.received.until(({ ended }) => ended);
  assert.equal(tunnel.received.heard.text, 'question');
  tunnel.origin.end('answer');
  await tunnel.conversation.until(({ ended }) => ended);
  assert.equal(tunnel.conversation.heard.text, `${ESTABLISHED}answer`);
  await settled(tunnel);
});

test('an origin that ends its side still gets what the client sends', LIMIT, async () => {
  const tunnel = await openTunnel();
  tunnel.origin.end('goodbye');
  await tunnel.conversation.until(({ ended }) => ended);
  tunnel.client.end('more');
  await tunnel.received.until(({ ended }) => ended);
  assert.equal(tunnel.received.heard.text, 'more');
  await settled(tunnel);
});

const RESETS: readonly (readonly [phase: string, act: (tunnel: Tunnel) => void, cause: string])[] = [
  ['a reset of the client in an idle tunnel', ({ client }) => client.resetAndDestroy(), 'client-reset'],
  ['a reset of the origin in an idle tunnel', ({ origin }) => origin.resetAndDestroy(), 'upstream-reset'],
  [
    'a reset of the client after bytes',
    ({ client, origin }) => {
      origin.write('x'.repeat(1 << 20));
      client.resetAndDestroy();
    },
    'client-reset',
  ],
  [
    'a reset of the origin after bytes',
    ({ client, origin }) => {
      client.write('x'.repeat(1 << 20));
      origin.resetAndDestroy();
    },
    'upstream-reset',
  ],
];

for (const [phase, act, cause] of RESETS) {
  test(`${phase} takes the other side with it`, LIMIT, async () => {
    const closes = proxy.closes.length;
    const tunnel = await openTunnel();
    act(tunnel);
    await Promise.all([tunnel.conversation, tunnel.received].map((side) => side.until(({ ended }) => ended)));
    assert.equal((await proxy.closed(closes)).cause, cause);
    await settled(tunnel);
  });
}

test('a reset of the client after its half-close takes the origin with it', LIMIT, async () => {
  const tunnel = await openTunnel();
  tunnel.client.end();
  await tunnel.received.until(({ ended }) => ended);
  const gone = untilClosed(tunnel.origin);
  tunnel.client.resetAndDestroy();
  tunnel.origin.write('into the void');
  tunnel.origin.on('drain', () => tunnel.origin.write('more'));
  tunnel.origin.end();
  await gone;
  await settled(tunnel);
});

test('a client that is lost while DNS is asked leaves a record and nothing else', LIMIT, async () => {
  const records = proxy.decisions.length;
  const client = await proxy.connect();
  client.write('CONNECT slow.example:443 HTTP/1.1\r\nHost: slow.example:443\r\n\r\n');
  while (proxy.dns.asked.length === 0) await setImmediate();
  client.resetAndDestroy();
  assert.equal((await proxy.decision(records)).reason, 'client-closed');
  while (proxy.app.openConnections > 0) await setImmediate();
});

test('a connection that sends nothing, or half a head, is answered with 408 or closed in time', LIMIT, async () => {
  const hurried = await startProxy({ config: { limits: { headerTimeout: '1s' } } });
  for (const start of ['', 'CONNECT a.exam', 'GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX: ']) {
    const client = await hurried.connect();
    const conversation = listenTo(client);
    client.write(start);
    await conversation.until(({ ended }) => ended);
    assert.match(conversation.heard.text, /^(|HTTP\/1\.1 408 Egress denied: header-timeout\r\n[\s\S]*)$/, start);
    client.destroy();
  }
  while (hurried.app.openConnections > 0) await setImmediate();
  await hurried.stop();
});

test('a tunnel carries a megabyte each way, to readers that are slower than their writers', LIMIT, async () => {
  const tunnel = await openTunnel();
  const size = 1 << 20;
  tunnel.client.pause();
  tunnel.origin.write('d'.repeat(size));
  tunnel.client.write('u'.repeat(size));
  await tunnel.received.until(({ text }) => text.length === size);
  tunnel.client.resume();
  await tunnel.conversation.until(({ text }) => text.length === ESTABLISHED.length + size);
  await settled(tunnel);
});

test('a client that is lost while its Upgrade waits for an answer leaves one record and no defect', LIMIT, async () => {
  const records = proxy.decisions.length;
  const asked = proxy.dns.asked.length;
  const client = await proxy.connect();
  const request = (more: string): string =>
    `GET http://b.slow.example/ HTTP/1.1\r\nHost: b.slow.example\r\n${more}\r\n`;
  client.write(request('') + request('Connection: upgrade\r\nUpgrade: websocket\r\n'));
  while (proxy.dns.asked.length === asked && proxy.decisions.length === records) await setImmediate();
  client.resetAndDestroy();
  await proxy.decision(records);
  while (proxy.app.openConnections > 0) await setImmediate();
  assert.deepEqual(
    proxy.decisions.slice(records).map(({ reason }) => reason),
    ['client-closed'],
  );
  assert.deepEqual(proxy.defects, []);
});
