import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { logsOf, metricsOf } from '../otlp/collector.js';
import { LISTEN, request, startInstance } from './instance.js';
import { patient } from './patient.js';

/** What the process gives its last exports at its end. */
const LAST_EXPORTS_MS = 1000;

test('metrics and log go to the collector, through the own policy, and the last of them at the end', {
  timeout: 240_000,
}, async (t) => {
  const seen: { path: string; type: string; key: string; body: Buffer }[] = [];
  const waiting: (() => void)[] = [];
  const server = http.createServer(async (asked, response) => {
    const { 'content-type': type = '', 'x-key': key = '' } = asked.headers;
    seen.push({ path: asked.url ?? '', type, key: String(key), body: await buffer(asked) });
    response.end();
    for (const wake of waiting.splice(0)) wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const internal = `internal: [ { address: 127.0.0.1/32, ports: [${port}], clients: [otlp] } ]`;
  const otlp = `otlp: { endpoint: "http://127.0.0.1:${port}/base", interval: 500ms, headers: { X-Key: "\${KEY}" } }`;
  const yaml = `${LISTEN}policy: { default: public, ${internal} }\n${otlp}\nstate: { path: off }\n`;
  const instance = await startInstance(t, yaml, { KEY: 'secret', ...patient(LAST_EXPORTS_MS) });
  assert.equal(await request(instance.proxy, 'http://169.254.169.254/'), 403);
  assert.equal(await request(instance.proxy, `http://127.0.0.1:${port}/`), 403);
  const metrics = (): Buffer[] => seen.filter(({ path }) => path === '/base/v1/metrics').map(({ body }) => body);
  while (metrics().length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
  assert.ok(metricsOf(metrics()[0] ?? Buffer.alloc(0)).has('egress_policy_info'));
  assert.deepEqual([seen[0]?.type, seen[0]?.key], ['application/x-protobuf', 'secret']);
  instance.child.kill('SIGTERM');
  await once(instance.child, 'exit');
  const logs = seen.filter(({ path }) => path === '/base/v1/logs').flatMap(({ body }) => logsOf(body));
  const events = logs.map(({ event }) => event);
  assert.deepEqual(
    logs.filter(({ event }) => event === 'egress.decision').map((log) => log.attributes['egress.reason']),
    ['metadata-address', 'address-prohibited'],
  );
  for (const event of ['egress.listening', 'egress.draining', 'egress.stopped'])
    assert.ok(events.includes(event), event);
  assert.ok(!logs.some(({ body, attributes }) => JSON.stringify([body, attributes]).includes('secret')));
});
