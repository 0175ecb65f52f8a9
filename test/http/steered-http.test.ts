import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { originTarget } from '../../proxy/http/origin-target.js';
import { openStand, readAll, type Stand } from '../door/stand.js';
import { requestHead } from './request-head.js';

test('Host is the target of an origin-form request, which reaches the origin as it was asked', async (context) => {
  const { port, requests } = await openSite(context);
  const stand = await openStand(context, () => port);
  const answer = await say(
    stand,
    'GET /a/../b?q=%2e HTTP/1.1\r\nHost: SITE.test\r\nX-Own: 1\r\nConnection: close\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /welcome$/);
  const { outcome, door, method, host, port: asked, status } = await stand.decision();
  assert.deepEqual([outcome, door, method, host, asked, status], ['allow', 'steer-http', 'GET', 'site.test', 80, 200]);
  assert.deepEqual(
    [requests[0]?.url, requests[0]?.headers.host, requests[0]?.headers['x-own']],
    ['/a/../b?q=%2e', 'site.test', '1'],
  );
});

test('a port in Host is the port of the target', async (context) => {
  const { port, requests } = await openSite(context);
  const stand = await openStand(context, () => port);
  assert.match(await say(stand, get('site.test:8080')), /^HTTP\/1\.1 200 /);
  assert.deepEqual([(await stand.decision()).port, requests[0]?.headers.host], [8080, 'site.test:8080']);
});

test('a refusal is the 403 of every other door, without a dial', async (context) => {
  const stand = await openStand(context, () => 0, {
    policy: 'default: public, deny: [ { host: denied.test }, { ports: [25] } ]',
  });
  const cases = [
    ['private.test', 'address-prohibited'],
    ['mixed.test', 'mixed-answer'],
    ['metadata.test', 'metadata-address'],
    ['169.254.169.254', 'metadata-address'],
    ['2852039166', 'metadata-address'],
    ['[::ffff:169.254.169.254]', 'metadata-address'],
    ['[64:ff9b::a00:1]', 'address-prohibited'],
    ['[::1]', 'address-prohibited'],
    // No prefix names these, so that no NetworkPolicy refuses them.
    ['[2606:4700:1:2:0:5efe:a00:1]', 'address-prohibited'],
    ['[2606:4700:1:2:200:5efe:a9fe:a9fe]', 'address-prohibited'],
    ['isatap.test', 'address-prohibited'],
    ['[2002:a00:1::1]', 'address-prohibited'],
    ['[::10.0.0.1]', 'address-prohibited'],
    ['127.0.0.1', 'address-prohibited'],
    ['localhost', 'address-prohibited'],
    ['denied.test', 'host-denied'],
    ['site.test:25', 'port-denied'],
    [`127.0.0.1:${stand.port('steer.http')}`, 'own-listener'],
    [`self.test:${stand.port('steer.tls')}`, 'own-listener'],
  ] as const;
  for (const [host, reason] of cases) {
    const answer = await say(stand, get(host));
    assert.match(answer, /^HTTP\/1\.1 403 Egress denied: /, host);
    assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).reason, reason, host);
    const { door, reason: recorded } = await stand.decision();
    assert.deepEqual([door, recorded], ['steer-http', reason], host);
  }
  assert.deepEqual([stand.dials.length, stand.decisions.length], [0, cases.length]);
});

test('a request that names no host, or more than one, is refused with 400', async (context) => {
  const stand = await openStand(context, () => 0);
  const cases = [
    ['GET / HTTP/1.1\r\n\r\n', 'missing-host'],
    ['GET / HTTP/1.1\r\nHost:\r\n\r\n', 'missing-host'],
    ['GET / HTTP/1.0\r\n\r\n', 'missing-host'],
    ['GET / HTTP/1.1\r\nHost: site.test\r\nHost: site.test\r\n\r\n', 'duplicate-host'],
    ['GET / HTTP/1.1\r\nHost: site.test\r\nhost: private.test\r\n\r\n', 'duplicate-host'],
    ['GET / HTTP/1.1\r\nHost: site.test, private.test\r\n\r\n', 'malformed-request'],
    ['GET / HTTP/1.1\r\nHost: site.test/x\r\n\r\n', 'malformed-request'],
    ['GET / HTTP/1.1\r\nHost: user@site.test\r\n\r\n', 'malformed-request'],
    ['GET / HTTP/1.1\r\nHost: site.test:0\r\n\r\n', 'malformed-request'],
    ['GET / HTTP/1.1\r\nHost: site.test:65536\r\n\r\n', 'malformed-request'],
    ['GET / HTTP/1.1\r\nHost: 0x7f.0.0.1.2\r\n\r\n', 'malformed-request'],
    ['GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n', 'malformed-request'],
    ['GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n', 'not-origin-form'],
    ['GET http://private.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n', 'not-origin-form'],
    ['OPTIONS * HTTP/1.1\r\nHost: site.test\r\n\r\n', 'not-origin-form'],
    ['CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n', 'not-origin-form'],
    ['\x16\x03\x01\x02\x00\x01', 'malformed-request'],
  ] as const;
  for (const [request, reason] of cases) {
    const answer = await say(stand, request);
    assert.match(answer, /^HTTP\/1\.1 400 /, request);
    assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).reason, reason, request);
    assert.equal((await stand.decision()).reason, reason);
  }
  assert.deepEqual([stand.queries, stand.dials, stand.decisions.length], [[], [], cases.length]);
});

test('a request that has passed this proxy before is a loop', async (context) => {
  const stand = await openStand(context, () => 0);
  const answer = await say(
    stand,
    'GET / HTTP/1.1\r\nHost: site.test\r\nVia: 1.1 mcp-egress-proxy\r\nConnection: close\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1\.1 502 /);
  assert.equal((await stand.decision()).reason, 'proxy-loop');
});

test('requests on one connection may name different hosts, and each is judged', async (context) => {
  const { port } = await openSite(context);
  const stand = await openStand(context, () => port);
  const requests = ['site.test', 'private.test', 'other.test'].map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const answers = await say(stand, requests.join('') + get('metadata.test'));
  assert.deepEqual(
    answers.match(/HTTP\/1\.1 \d+/g)?.map((line) => line.slice(9)),
    ['200', '403', '200', '403'],
  );
  assert.equal(stand.decisions.length, 4);
});

test('a WebSocket opens through the HTTP door', async (context) => {
  const { port, server } = await openSite(context);
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (message) => socket.send(`echo ${message}`)));
  context.after(() => sockets.close());
  const stand = await openStand(context, () => port);
  const client = new WebSocket(`ws://127.0.0.1:${stand.port('steer.http')}/chat`, { headers: { Host: 'site.test' } });
  await once(client, 'open');
  client.send('hi');
  assert.equal(String((await once(client, 'message'))[0]), 'echo hi');
  const { outcome, door, status } = await stand.decision();
  assert.deepEqual([outcome, door, status], ['allow', 'steer-http', 101]);
  client.close();
  await stand.closed();
});

test('nothing in Host can end the authority early', () => {
  for (const host of [
    'site.test/@private.test',
    'site.test?',
    'site.test#',
    'a@site.test',
    'site.test\\private.test',
    ' site.test',
    ':80',
    '[::1',
  ])
    assert.equal(originTarget({ ...requestHead(['Host', host]), url: '/' }).ok, false, host);
});

async function openSite(
  context: TestContext,
): Promise<{ port: number; requests: IncomingMessage[]; server: http.Server }> {
  const requests: IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request);
    response.end('welcome');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, requests, server };
}

function get(host: string): string {
  return `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
}

async function say(stand: Stand, request: string): Promise<string> {
  const socket = await stand.connect('steer.http');
  socket.end(request, 'latin1');
  return (await readAll(socket)).toString('latin1');
}
