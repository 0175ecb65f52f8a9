import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { listenTo } from './conversation.js';
import { startRawOrigin } from './origin.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

const LIMIT = { timeout: 240_000 };

let proxy: RunningProxy;

before(async () => {
  const policy = { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] };
  proxy = await startProxy({ config: { policy, limits: { drainTimeout: '1s' } } });
});
after(() => proxy.stop());

test('a WebSocket over absolute-form is carried both ways, with one record of each kind', LIMIT, async () => {
  const origin = http.createServer();
  const sockets = new WebSocketServer({ server: origin });
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(`you said ${text}`)));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const at = origin.address();
  assert.ok(at !== null && typeof at === 'object');
  const authority = `127.0.0.1:${at.port}`;
  const client = new WebSocket(`ws://${authority}/chat`, {
    createConnection: () => net.connect(proxy.port, '127.0.0.1'),
    finishRequest: (request) => {
      request.path = `http://${authority}/chat`;
      request.end();
    },
  });
  await once(client, 'open');
  client.send('hello');
  const [message] = await once(client, 'message');
  assert.equal(String(message), 'you said hello');
  client.close();
  await once(client, 'close');
  const decision = await proxy.decision(0);
  assert.deepEqual([decision.outcome, decision.door, decision.status], ['allow', 'upgrade', 101]);
  const closed = await proxy.closed(0);
  assert.equal(closed.id, decision.id);
  assert.ok(closed.bytesUp > 0 && closed.bytesDown > 0);
  sockets.close();
  origin.close();
  while (proxy.app.openConnections > 0) await setImmediate();
});

const ANSWERS: readonly (readonly [what: string, reply: string, reads: RegExp, status: number])[] = [
  [
    'another protocol, with bytes right after the 101',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst',
    /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*Upgrade: echo\r\n[\s\S]*\r\nfirst$/,
    101,
  ],
  [
    'an origin that ignores the Upgrade',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno{end}',
    /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nno$/,
    200,
  ],
  [
    'an origin that refuses it',
    'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n{end}',
    /^HTTP\/1\.1 426 Upgrade Required\r\n/,
    426,
  ],
  ['an origin that closes', '{end}', /^HTTP\/1\.1 502 Egress failed: upstream-reset /, 502],
];

for (const [what, reply, reads, status] of ANSWERS) {
  test(`Upgrade: ${what}`, LIMIT, async () => {
    const records = proxy.decisions.length;
    const origin = await startRawOrigin(reply);
    const client = await proxy.connect();
    const conversation = listenTo(client);
    const fields = `Host: ${origin.authority}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n`;
    client.write(`GET http://${origin.authority}/ HTTP/1.1\r\n${fields}\r\n`);
    await conversation.until(({ text, ended }) => ended || reads.test(text));
    assert.match(conversation.heard.text, reads);
    assert.equal((await proxy.decision(records)).status, status);
    client.end();
    await conversation.until(({ ended }) => ended);
    await origin.close();
    while (proxy.app.openConnections > 0) await setImmediate();
    assert.deepEqual(proxy.defects, []);
  });
}

test('an Upgrade to a special address is refused without a dial', LIMIT, async () => {
  const client = await proxy.connect();
  const conversation = listenTo(client);
  const fields = 'Host: 169.254.169.254\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  client.write(`GET http://169.254.169.254/ HTTP/1.1\r\n${fields}\r\n`);
  await conversation.until(({ ended }) => ended);
  assert.match(conversation.heard.text, /^HTTP\/1\.1 403 Egress denied: metadata-address 169\.254\.169\.254\r\n/);
});

test('what a client has sent after its Upgrade is held no longer than the client is there', LIMIT, async () => {
  const origin = net.createServer(() => undefined).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const authority = `127.0.0.1:${(origin.address() as net.AddressInfo).port}`;
  const client = net.connect({ host: '127.0.0.1', port: proxy.port });
  client.on('error', () => client.destroy());
  const request = `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n`;
  client.write(`${request}${'x'.repeat(10_000)}`);
  await once(origin, 'connection');
  while (proxy.app.memory.used('early') === 0) await setImmediate();
  client.resetAndDestroy();
  while (proxy.app.openConnections > 0) await setImmediate();
  assert.equal(proxy.app.memory.used('early'), 0);
  origin.close();
});

test('of a 101 only what is end-to-end is passed on, and never a length', LIMIT, async () => {
  const origin = await startRawOrigin(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, X-Hop\r\nUpgrade: echo\r\nX-Hop: 1\r\nX-End: 1\r\n' +
      'Content-Length: 9\r\nProxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const socket = await proxy.connect();
  const { heard, until } = listenTo(socket);
  socket.write(`GET http://${origin.authority}/ HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n`);
  await until(({ text }) => text.endsWith('\r\n\r\n'));
  assert.match(heard.text, /^HTTP\/1\.1 101 [\s\S]*^X-End: 1\r$/m);
  assert.doesNotMatch(heard.text, /^(?:X-Hop|Content-Length|Proxy-Authenticate|Transfer-Encoding):/im);
  socket.destroy();
  await origin.close();
});
