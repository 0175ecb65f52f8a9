import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../proxy/observe/metrics.js';
import { DOORS } from '../../proxy/observe/record.js';
import { closeRecord, decisionRecord } from './records.js';

function metricsWith(change: { digest?: string; forwards?: boolean } = {}) {
  return createMetrics({
    version: '1.2.3',
    clients: () => new Set(['github']),
    openTunnelBytes: () => ({ up: 7, down: 8 }),
    openTunnels: () => 3,
    openConnections: () => 4,
    unansweredDnsPeers: () => 7,
    kernel: () => ({ forwards: change.forwards ?? true, takesForgedSources: false }),
    droppedLogLines: () => 5,
    streamReaders: () => 1,
    lostStreamRecords: () => 6,
    policy: () => ({ digest: change.digest ?? 'abc', mode: 'enforce', default: 'public' }),
  });
}

async function sampleOf(metrics: ReturnType<typeof createMetrics>, series: string): Promise<number | undefined> {
  const text = await metrics.registry.metrics();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('requests are counted by outcome, reason and door', async () => {
  const metrics = metricsWith();
  metrics.records.decision(decisionRecord());
  metrics.records.decision(decisionRecord());
  metrics.records.decision(decisionRecord({ outcome: 'allow', reason: null, door: 'absolute' }));
  const denied = 'egress_requests_total{outcome="deny",reason="metadata-address",door="connect"}';
  assert.equal(await sampleOf(metrics, denied), 2);
  assert.equal(await sampleOf(metrics, denied), 2, 'reading twice counts once');
  assert.equal(await sampleOf(metrics, 'egress_requests_total{outcome="allow",reason="none",door="absolute"}'), 1);
});

test('decisions of configured rules are counted by the name of the rule, and no others', async () => {
  const metrics = metricsWith();
  for (const rule of ['allow:github-api', 'allow:github-api', 'deny[0]', 'default', 'special:10.0.0.0/8', null]) {
    metrics.records.decision(decisionRecord({ rule, outcome: rule === 'allow:github-api' ? 'allow' : 'deny' }));
  }
  assert.equal(await sampleOf(metrics, 'egress_rule_decisions_total{rule="allow:github-api",outcome="allow"}'), 2);
  assert.equal(await sampleOf(metrics, 'egress_rule_decisions_total{rule="deny[0]",outcome="deny"}'), 1);
  assert.equal((await metrics.registry.metrics()).match(/^egress_rule_decisions_total\{/gm)?.length, 2);
});

test('the series that alerts wait for exist from the start', async () => {
  const metrics = metricsWith();
  for (const reason of ['metadata-address', 'own-listener', 'client-unauthenticated']) {
    for (const door of DOORS) {
      const series = `egress_requests_total{outcome="deny",reason="${reason}",door="${door}"}`;
      assert.equal(await sampleOf(metrics, series), 0, series);
    }
  }
  assert.equal(await sampleOf(metrics, 'egress_requests_total{outcome="fail",reason="busy",door="connect"}'), 0);
});

test('clients are labelled by the names of the configuration, and all others are one', async () => {
  const metrics = metricsWith();
  metrics.records.decision(decisionRecord({ client: { address: '10.0.0.1', name: 'github' } }));
  for (let i = 0; i < 100; i++)
    metrics.records.decision(decisionRecord({ client: { address: `10.0.1.${i}`, name: null } }));
  metrics.records.decision(decisionRecord({ client: { address: '10.0.0.2', name: 'made_up.tools' } }));
  assert.equal(await sampleOf(metrics, 'egress_client_requests_total{client="github",outcome="deny"}'), 1);
  assert.equal(await sampleOf(metrics, 'egress_client_requests_total{client="(unnamed)",outcome="deny"}'), 101);
});

test('the build, and what open tunnels have carried, are there', async () => {
  const metrics = metricsWith();
  assert.equal(await sampleOf(metrics, `egress_build_info{version="1.2.3",node="${process.version}"}`), 1);
  assert.equal(await sampleOf(metrics, 'egress_open_tunnel_bytes{direction="down"}'), 8);
});

test('a time-out of ten seconds is in a bucket of its own', async () => {
  const metrics = metricsWith();
  metrics.records.decision(decisionRecord({ connectMs: 10_004 }));
  assert.equal(await sampleOf(metrics, 'egress_connect_seconds_bucket{le="10"}'), 0);
  assert.equal(await sampleOf(metrics, 'egress_connect_seconds_bucket{le="15"}'), 1);
});

test('latencies are observed in seconds, where there are any', async () => {
  const metrics = metricsWith();
  metrics.records.decision(decisionRecord({ dnsMs: 4, connectMs: null }));
  metrics.records.decision(decisionRecord({ dnsMs: 4, connectMs: 1500 }));
  assert.equal(await sampleOf(metrics, 'egress_dns_seconds_bucket{le="0.005"}'), 2);
  assert.equal(await sampleOf(metrics, 'egress_dns_seconds_bucket{le="0.002"}'), 0);
  assert.equal(await sampleOf(metrics, 'egress_connect_seconds_sum'), 1.5);
});

test('closed tunnels add up their bytes and causes', async () => {
  const metrics = metricsWith();
  metrics.records.closed(closeRecord());
  metrics.records.closed(closeRecord({ cause: 'idle' }));
  assert.equal(await sampleOf(metrics, 'egress_tunnel_bytes_total{direction="down"}'), 4000);
  assert.equal(await sampleOf(metrics, 'egress_tunnels_closed_total{cause="idle"}'), 1);
  assert.equal(await sampleOf(metrics, 'egress_tunnel_seconds_count'), 2);
});

test('forwarded requests are counted apart from tunnels', async () => {
  const metrics = metricsWith();
  metrics.records.closed(closeRecord({ door: 'absolute' }));
  metrics.records.closed(closeRecord({ door: 'steer-http', cause: 'client-reset', status: null }));
  metrics.records.closed(closeRecord({ door: 'upgrade', status: 426 }));
  metrics.records.closed(closeRecord({ door: 'upgrade', status: 101 }));
  assert.equal(await sampleOf(metrics, 'egress_forwarded_bytes_total{direction="down"}'), 6000);
  assert.equal(await sampleOf(metrics, 'egress_forwarded_closed_total{cause="client-reset"}'), 1);
  assert.equal(await sampleOf(metrics, 'egress_forwarded_seconds_count'), 3);
  for (const [status, count] of [
    ['2xx', 1],
    ['3xx', 0],
    ['4xx', 1],
    ['5xx', 0],
  ] as const)
    assert.equal(await sampleOf(metrics, `egress_forwarded_answers_total{status="${status}"}`), count);
  assert.equal(await sampleOf(metrics, 'egress_tunnel_bytes_total{direction="down"}'), 2000);
});

test('a gauge that is asked on reading has the value of that moment', async () => {
  const change = { digest: 'one' };
  const metrics = metricsWith(change);
  assert.equal(await sampleOf(metrics, 'egress_tunnels_open'), 3);
  assert.equal(await sampleOf(metrics, 'egress_connections_open'), 4);
  assert.equal(await sampleOf(metrics, 'egress_dns_door_dropped_total'), 7);
  assert.equal(await sampleOf(metrics, 'egress_log_lines_dropped_total'), 5);
  assert.equal(await sampleOf(metrics, 'egress_stream_records_lost_total'), 6);
  assert.equal(await sampleOf(metrics, 'egress_kernel_forwarding'), 1);
  assert.equal(await sampleOf(metrics, 'egress_kernel_forged_sources'), 0);
  assert.equal(await sampleOf(metricsWith({ forwards: false }), 'egress_kernel_forwarding'), 0);
  change.digest = 'two';
  assert.equal(await sampleOf(metrics, 'egress_policy_info{digest="two",mode="enforce",default="public"}'), 1);
  assert.equal(await sampleOf(metrics, 'egress_policy_info{digest="one",mode="enforce",default="public"}'), undefined);
});

test('a refused reload counts and marks the policy stale until one is taken', async () => {
  const metrics = metricsWith();
  assert.equal(await sampleOf(metrics, 'egress_policy_reload_failures_total'), 0);
  metrics.reloadFailed();
  assert.equal(await sampleOf(metrics, 'egress_policy_reload_failures_total'), 1);
  assert.equal(await sampleOf(metrics, 'egress_policy_stale'), 1);
  metrics.reloaded();
  assert.equal(await sampleOf(metrics, 'egress_policy_reloads_total'), 1);
  assert.equal(await sampleOf(metrics, 'egress_policy_stale'), 0);
});

test('the delay of the event loop and the memory are there', async () => {
  const metrics = metricsWith();
  metrics.watchProcess();
  const text = await metrics.registry.metrics();
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
  assert.match(text, /^process_resident_memory_bytes /m);
});
