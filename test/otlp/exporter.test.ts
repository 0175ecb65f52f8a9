import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, Gauge, Histogram } from 'prom-client';
import { closeJson, decisionJson } from '../../proxy/observe/json-line.js';
import { Durations } from '../../proxy/observe/plain-metrics.js';
import { closeRecord, decisionRecord, HOSTILE } from '../observe/records.js';
import { exporterTo, logsOf, metricsOf, resourceOf } from './collector.js';
import { attributes } from './wire.js';

test('records are log records with their fields as attributes, and say who exports', async () => {
  const stand = exporterTo();
  stand.exporter.lines.write(`${decisionJson(decisionRecord())}\n`);
  stand.exporter.lines.write(`${closeJson(closeRecord({ door: 'absolute' }))}\n`);
  await stand.exporter.sendLogs();
  const [{ signal, body } = { signal: null, body: Buffer.alloc(0) }] = stand.sent;
  assert.equal(signal, 'logs');
  assert.equal(resourceOf(body)['service.name'], 'mcp-egress-proxy');
  assert.deepEqual([resourceOf(body)['service.version'], resourceOf(body)['service.instance.id']], ['1.2.3', 'nas']);
  const [decision, closed] = logsOf(body);
  assert.deepEqual(
    [decision?.body, decision?.event, decision?.severity, decision?.time],
    [
      'deny 169.254.169.254:80: metadata-address',
      'egress.decision',
      13,
      BigInt(Date.UTC(2026, 10, 23, 4)) * 1_000_000n,
    ],
  );
  assert.deepEqual(decision?.attributes, {
    'client.address': '172.31.250.7',
    'egress.client': 'github',
    'egress.id': 'r-0001',
    'egress.outcome': 'deny',
    'egress.reason': 'metadata-address',
    'egress.rule': 'never:169.254.169.254/32',
    'egress.mode': 'enforce',
    'egress.door': 'connect',
    'http.request.method': 'CONNECT',
    'server.address': '169.254.169.254',
    'server.port': 80,
    'egress.addresses': ['169.254.169.254'],
    'http.response.status_code': 403,
  });
  assert.deepEqual(
    [closed?.event, closed?.severity, closed?.attributes['egress.bytesDown'], closed?.attributes['egress.cause']],
    ['egress.closed', 9, 2000, 'end'],
  );
});

test('events of the log go with them, and what is no line of it is left out', async () => {
  const stand = exporterTo();
  const time = '"time":"2026-11-23T04:00:00.000Z"';
  stand.exporter.lines.write(
    `{"level":"error",${time},"event":"defect","err":{"type":"Error","message":"x"},"msg":"caught"}`,
  );
  stand.exporter.lines.write(
    `{"level":"info",${time},"event":"listening","listening":{"proxy":"127.0.0.1:1"},"msg":"ready"}`,
  );
  stand.exporter.lines.write('not JSON');
  await stand.exporter.sendLogs();
  const logs = logsOf(stand.sent[0]?.body ?? Buffer.alloc(0));
  assert.deepEqual(
    logs.map(({ body, severity, attributes: { 'exception.message': message, 'egress.listening': listening } }) => [
      body,
      severity,
      message ?? listening,
    ]),
    [
      ['caught', 17, 'x'],
      ['ready', 9, '{"proxy":"127.0.0.1:1"}'],
    ],
  );
});

test('metrics are those of Prometheus: sums, gauges and histograms with their labels', async () => {
  const stand = exporterTo();
  const registers = [stand.registry];
  new Counter({ name: 'a_total', help: 'A.', labelNames: ['outcome'], registers }).inc({ outcome: 'allow' }, 3);
  new Gauge({ name: 'b', help: 'B.', registers }).set(-1.5);
  const histogram = new Histogram({ name: 'c_seconds', help: 'C.', labelNames: ['kind'], buckets: [1, 10], registers });
  for (const value of [0.5, 5, 5, 50]) histogram.observe({ kind: 'gc' }, value);
  const durations = new Durations({ name: 'd_seconds', help: 'D.', buckets: [1, 10], registry: stand.registry });
  for (const ms of [500, 5000, 50_000]) durations.add(ms);
  await stand.exporter.sendMetrics();
  const metrics = metricsOf(stand.sent[0]?.body ?? Buffer.alloc(0));
  const sum = metrics.get('a_total')?.at(7);
  assert.deepEqual([sum?.number(2), sum?.number(3)], [2, 1], 'cumulative and monotonic');
  assert.deepEqual([sum?.at(1).double(4), attributes(sum?.at(1).all(7) ?? [])], [3, { outcome: 'allow' }]);
  assert.equal(sum?.at(1).fixed64(2), BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n);
  assert.equal(metrics.get('b')?.at(5, 1).double(4), -1.5);
  const c = metrics.get('c_seconds')?.at(9, 1);
  assert.deepEqual([c?.fixed64(4), c?.double(5), c?.fixed64s(6), c?.doubles(7)], [4n, 60.5, [1n, 2n, 1n], [1, 10]]);
  assert.deepEqual(attributes(c?.all(9) ?? []), { kind: 'gc' });
  const d = metrics.get('d_seconds')?.at(9, 1);
  assert.deepEqual([d?.fixed64(4), d?.double(5), d?.fixed64s(6)], [3n, 55.5, [1n, 1n, 1n]]);
});

test('a collector that is down costs a bounded queue, one POST at a time, and one line of the log', async () => {
  const stand = exporterTo();
  stand.answer = () => ({ ok: false, why: 'connect-refused', mayWork: true });
  for (let i = 0; i < 100_000; i++) stand.exporter.lines.write(decisionJson(decisionRecord({ id: `r-${i}` })));
  for (let i = 0; i < 20; i++) await stand.exporter.sendLogs();
  assert.equal(stand.sent.length, 1, 'it pauses after a failure');
  assert.deepEqual(stand.events, ['failing: connect-refused']);
  assert.ok(stand.exporter.lines.length <= 4096, `${stand.exporter.lines.length} lines`);
  assert.equal(stand.exporter.lines.dropped + stand.exporter.lines.length, 100_000);
  stand.answer = () => ({ ok: true });
  const waiting = stand.exporter.lines.length;
  await stand.exporter.close(10_000);
  const arrived = stand.sent.slice(1).filter(({ signal }) => signal === 'logs');
  assert.equal(arrived.flatMap(({ body }) => logsOf(body)).length, waiting);
  assert.deepEqual(stand.events, ['failing: connect-refused', 'working']);
});

test('what a collector refuses for good is not sent again', async () => {
  const stand = exporterTo(['logs']);
  stand.answer = () => ({ ok: false, why: 'status 400', mayWork: false });
  stand.exporter.lines.write(decisionJson(decisionRecord()));
  await stand.exporter.sendLogs();
  assert.deepEqual([stand.exporter.lines.length, stand.exporter.lines.dropped], [0, 1]);
});

test('the end of the process does not wait for a collector that never answers', async () => {
  const stand = exporterTo();
  stand.answer = () => new Promise(() => undefined);
  stand.exporter.lines.write(decisionJson(decisionRecord()));
  await stand.exporter.close(10);
  assert.equal(stand.sent.length, 1);
});

for (const hostile of HOSTILE) {
  test(`${JSON.stringify(hostile)} arrives as the text that the log has`, async () => {
    const stand = exporterTo();
    const json = decisionJson(decisionRecord({ host: hostile, client: { address: hostile, name: hostile } }));
    stand.exporter.lines.write(json);
    await stand.exporter.sendLogs();
    const [log] = logsOf(stand.sent[0]?.body ?? Buffer.alloc(0));
    const { host } = JSON.parse(json);
    assert.equal(log?.attributes['server.address'], Buffer.from(host).toString());
  });
}
