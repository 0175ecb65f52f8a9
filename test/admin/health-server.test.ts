import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Registry } from 'prom-client';
import { createHealthServer, type HealthOptions } from '../../proxy/admin/health-server.js';
import { untilClosed } from '../net/until-closed.js';

const METRICS = 'egress_requests_total 1\n';

async function openHealth(context: TestContext, changes: Partial<HealthOptions> = {}) {
  const registry = { contentType: new Registry().contentType, metrics: async () => METRICS };
  const server = createHealthServer({ state: () => 'ready', registry, isFromTools: () => false, ...changes });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    server,
    /** Sends the text as it is; what comes back until the end. */
    async say(text: string): Promise<string> {
      const socket = net.connect(port, '127.0.0.1');
      socket.end(text);
      const pieces: Buffer[] = [];
      socket.on('data', (piece) => pieces.push(piece));
      await untilClosed(socket);
      return Buffer.concat(pieces).toString();
    },
    async get(path: string, headers: Readonly<Record<string, string>> = {}) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
      return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
    },
  };
}

const get = (path: string, host: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

test('health and metrics are answered without a token', async (t) => {
  const health = await openHealth(t);
  assert.deepEqual(await health.get('/healthz'), {
    status: 200,
    type: 'application/json; charset=utf-8',
    body: '{"status":"ok"}',
  });
  assert.deepEqual((await health.get('/readyz?verbose')).body, '{"status":"ok"}');
  const { status, type, body } = await health.get('/metrics');
  assert.deepEqual([status, body], [200, METRICS]);
  assert.match(type ?? '', /^text\/plain; version=0\.0\.4/);
});

test('as a kubelet and Prometheus ask: by the address of the pod, by a name, by HTTP/1.0 without Host', async (t) => {
  const health = await openHealth(t);
  for (const host of ['10.244.1.7:9181', '[fd00:10::7]:9181', 'egress-proxy-metrics.egress.svc:9181', 'localhost'])
    assert.match(await health.say(get('/readyz', host)), /^HTTP\/1\.1 200 /, host);
  assert.match(await health.say('GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

test('a relay whose target is down shows, and does not make it unready', async (t) => {
  const health = await openHealth(t, { relays: () => [{ relay: 'relay[0]', to: 'g:1', state: 'down', outside: [] }] });
  assert.deepEqual(JSON.parse((await health.get('/readyz')).body), {
    status: 'degraded',
    relays: [{ relay: 'relay[0]', state: 'down' }],
  });
});

test('before the doors are open and from the first signal to end on it is not ready, and alive', async (t) => {
  for (const state of ['starting', 'draining'] as const) {
    const health = await openHealth(t, { state: () => state });
    const { status, body } = await health.get('/readyz');
    assert.deepEqual([status, body], [503, `{"status":"${state}"}`]);
    assert.equal((await health.get('/healthz')).status, 200);
  }
});

test('there is nothing else: no page, no decision, no policy, no method but GET and HEAD', async (t) => {
  const health = await openHealth(t);
  const paths = [
    '/',
    '/v1/decisions',
    '/v1/decisions/stream',
    '/v1/policy',
    '/v1/grants',
    '/v1/check',
    '/v1/session',
    '/?token=x',
  ];
  for (const path of [...paths, '/metrics/', '//metrics', '/METRICS', '/healthz/../v1/policy', '/%6detrics'])
    assert.equal((await health.get(path)).status, 404, path);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])
    assert.match(
      await health.say(`${method} /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 404 /,
      method,
    );
  assert.doesNotMatch(await health.say('CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: a\r\n\r\n'), /200/);
  assert.match(await health.say(get('http://127.0.0.1/v1/policy', 'a')), /^HTTP\/1\.1 404 /);
  const head = await health.say('HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 200 .*\r\n\r\n$/s);
});

test('a request with content is answered and its connection ends: nothing of it is read as another request', async (t) => {
  const health = await openHealth(t);
  const inner = get('/metrics', 'a');
  const answers = await health.say(`POST /v1/grants HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n${inner}`);
  assert.equal(answers.match(/HTTP\/1\.1/g)?.length, 1);
  assert.match(answers, /^HTTP\/1\.1 404 .*connection: close/is);
});

test('who comes by the network of the tools is closed unheard', async (t) => {
  const health = await openHealth(t, { isFromTools: () => true });
  assert.equal(await health.say(get('/healthz', 'a')), '');
});

test('a crowd that asks for metrics at once costs one answer; the next one is new', async (t) => {
  let made = 0;
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const metrics = async () => {
    made += 1;
    if (made === 1) await opened;
    return `egress_made ${made}\n`;
  };
  const health = await openHealth(t, { registry: { contentType: new Registry().contentType, metrics } });
  const crowd = Array.from({ length: 20 }, () => health.get('/metrics'));
  // All twenty have come when one more, for a probe, has been answered on each of their connections' loops.
  for (let i = 0; i < 20; i++) await health.get('/healthz');
  open();
  const bodies = (await Promise.all(crowd)).map(({ body }) => body);
  assert.equal(bodies[0], 'egress_made 1\n');
  assert.ok(made < 20, `${made} of 20`);
  assert.equal((await health.get('/metrics')).body, `egress_made ${made}\n`);
});

test('metrics that cannot be made are a 500 without a word about why', async (t) => {
  const metrics = async () => {
    throw new Error('secret');
  };
  const health = await openHealth(t, { registry: { contentType: new Registry().contentType, metrics } });
  assert.deepEqual(await health.get('/metrics'), {
    status: 500,
    type: 'application/json; charset=utf-8',
    body: '{"error":"internal-error"}',
  });
});

test('of hundreds of requests in one connection the first is answered, and the connection ends', async (t) => {
  let made = 0;
  const registry = { contentType: new Registry().contentType, metrics: async () => `made ${++made}\n` };
  const health = await openHealth(t, { registry });
  const answers = await health.say('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(400));
  assert.equal(answers.split('HTTP/1.1 200 ').length - 1, 1, answers.slice(0, 1000));
  assert.match(answers, /\r\nconnection: close\r\n/i);
  assert.ok(made <= 2, `${made} times`);
});

test('who asks and does not read is closed after a while', async (t) => {
  const { server } = await openHealth(t);
  assert.ok(server.timeout > 0 && server.timeout <= 30_000, `${server.timeout} ms`);
});
