import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { REASONS } from '../../proxy/core/reasons.js';
import { countExports } from '../../proxy/observe/export-metrics.js';
import { DOORS } from '../../proxy/observe/record.js';
import { idleMetrics } from './idle-metrics.js';
import { closeRecord, decisionRecord } from './records.js';

const FOLDER = new URL('../../../docker/observability/', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

/** Every series that the program exports, with the names and values of its labels, as Prometheus would read them. */
async function exported(): Promise<Map<string, Map<string, Set<string>>>> {
  const metrics = idleMetrics({
    pods: () => [{ namespace: 'tools', state: 'connected', pods: 1 }],
    policy: () => ({ digest: 'd', mode: 'report', default: 'none' }),
  });
  metrics.watchProcess();
  countExports(metrics.registry, () => 0);
  for (const door of DOORS) {
    for (const reason of [...(Object.keys(REASONS) as (keyof typeof REASONS)[]), null]) {
      const outcome = reason === null ? 'allow' : REASONS[reason].outcome;
      metrics.records.decision(decisionRecord({ door, reason, outcome, dnsMs: 1, connectMs: 1 }));
    }
  }
  metrics.records.closed(closeRecord());
  const series = new Map<string, Map<string, Set<string>>>();
  for (const line of (await metrics.registry.metrics()).split('\n')) {
    const [, name, labels = ''] = /^([a-z0-9_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = series.get(name) ?? new Map<string, Set<string>>();
    series.set(name, known);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      known.set(label, (known.get(label) ?? new Set()).add(value));
    }
  }
  return series;
}

/** Labels that Prometheus adds when it scrapes. */
const ADDED = new Set(['instance', 'job', 'le', 'namespace', 'pod']);

async function check(expression: string): Promise<void> {
  const series = await exported();
  const used = [...expression.matchAll(/\b((?:egress|nodejs|process)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
  assert.ok(used.length > 0, `${expression} reads no metric`);
  for (const [, name = '', selector = ''] of used) {
    const labels = series.get(name);
    assert.ok(labels !== undefined, `${name} is not exported`);
    for (const [, label = '', operator = '', value = ''] of selector.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)) {
      if (ADDED.has(label)) continue;
      assert.ok(labels.has(label), `${name} has no label ${label}`);
      if (operator === '=') assert.ok(labels.get(label)?.has(value), `${name} never has ${label}="${value}"`);
    }
    for (const [, group = ''] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of group.split(',').map((text) => text.trim())) {
        assert.ok(ADDED.has(label) || labels.has(label), `${name} has no label ${label}`);
      }
    }
  }
}

test('every panel of the dashboard reads metrics and labels that exist', async () => {
  const dashboard = JSON.parse(read('grafana-dashboard.json'));
  const ids = dashboard.panels.map(({ id }: { id: number }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length >= 10);
  for (const panel of dashboard.panels) for (const { expr } of panel.targets) await check(expr);
});

test('every query of the dashboard of decisions reads fields that records have, and groups by what it has read', () => {
  const dashboard = JSON.parse(read('grafana-dashboard-loki.json'));
  const queries: string[] = dashboard.panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );
  assert.ok(queries.length >= 8);
  for (const query of queries) {
    const fields = [...(/\| json ((?:\w+="[\w.]+"(?:, )?)+)/.exec(query)?.[1]?.matchAll(/(\w+)="([\w.]+)"/g) ?? [])];
    assert.ok(fields.length > 0, query);
    const record = query.includes('event="closed"') ? closeRecord() : decisionRecord();
    for (const [, , path = ''] of fields) assert.notEqual(at(record, path), undefined, `${path} in ${query}`);
    const read = new Set([...fields.map(([, name]) => name), ...ADDED]);
    const used = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(', '));
    const filtered = [...query.matchAll(/\| (\w+)(?:=|!=)"/g)].map(([, name]) => name);
    for (const name of [...used, ...filtered]) assert.ok(read.has(name), `${name} in ${query}`);
  }
});

function at(value: unknown, path: string): unknown {
  const [key = '', ...rest] = path.split('.');
  const inner =
    typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;
  return rest.length === 0 ? inner : at(inner, rest.join('.'));
}

test('every alert reads metrics, labels and values that exist, and says what to do', async () => {
  const { groups } = parse(read('alerts.yml'));
  const rules = groups.flatMap((group: { rules: unknown[] }) => group.rules);
  assert.deepEqual(
    rules.map(({ alert }: { alert: string }) => alert),
    [
      'EgressDown',
      'EgressPolicyStale',
      'EgressGatewayOutside',
      'EgressRelayDown',
      'EgressNotEnforced',
      'EgressMetadataProbed',
      'EgressKernelForwards',
      'EgressForgedQueries',
      'EgressProxyProbed',
      'EgressPodsUnknown',
      'EgressCredentialsGuessed',
      'EgressBusy',
      'EgressLogLinesDropped',
      'EgressNoticesLost',
      'EgressExportFails',
      'EgressExportLinesDropped',
      'EgressDescriptors',
      'EgressReplicasDiffer',
    ],
  );
  for (const { alert, expr, labels, annotations } of rules) {
    // `up` is Prometheus's own.
    if (alert !== 'EgressDown') await check(expr);
    assert.ok(labels.severity && annotations.summary && annotations.description);
  }
});

test('the check finds a metric, a label and a value that do not exist', async () => {
  for (const expression of [
    'egress_nothing_total',
    'egress_requests_total{client="github"}',
    'egress_requests_total{outcome="refused"}',
    'sum by (host) (egress_requests_total)',
    'vector(1)',
  ]) {
    await assert.rejects(check(expression), assert.AssertionError, expression);
  }
});

test('labels have few values: nothing that a client chooses', async () => {
  const allowed = [
    'client',
    'version',
    'node',
    'outcome',
    'reason',
    'door',
    'direction',
    'cause',
    // 2xx to 5xx.
    'status',
    'le',
    'digest',
    'mode',
    // Of the configuration.
    'namespace',
    'default',
  ];
  for (const [name, labels] of await exported()) {
    if (!name.startsWith('egress_')) continue;
    for (const label of labels.keys()) assert.ok(allowed.includes(label), `${name} has the label ${label}`);
  }
});
