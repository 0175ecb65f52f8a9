/** The alerts by promtool, and the dashboard by a Prometheus that scrapes the program: both as Debian ships them. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { type Instance, LISTEN, request, startInstance } from '../../cli/instance.js';
import { freePort } from '../../net/free-port.js';

const ROOT = new URL('../../../../', import.meta.url);
const ALERTS = fileURLToPath(new URL('docker/observability/alerts.yml', ROOT));
const SCENARIOS = new URL('test/e2e/observability/alerts.test.yml', ROOT);
const DASHBOARD = new URL('docker/observability/grafana-dashboard.json', ROOT);

interface AlertRule {
  readonly alert: string;
  annotations?: unknown;
}

interface Scenario {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts?: readonly unknown[] }[];
}

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'egress-observability-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function promtool(...args: readonly string[]): string {
  return execFileSync('promtool', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

test('promtool takes the rules, and every alert fires in a scenario of its own and in no other', (t) => {
  promtool('check', 'rules', ALERTS);
  const { groups } = parse(readFileSync(ALERTS, 'utf8'));
  const rules: AlertRule[] = groups.flatMap((group: { rules: AlertRule[] }) => group.rules);
  const scenarios: Scenario[] = parse(readFileSync(SCENARIOS, 'utf8')).tests;
  const tests = scenarios.flatMap(({ alert_rule_test }) => alert_rule_test);
  for (const { alert } of rules) {
    const own = tests.filter(({ alertname }) => alertname === alert);
    assert.ok(
      own.some(({ exp_alerts = [] }) => exp_alerts.length === 1),
      `${alert} fires in no scenario`,
    );
    assert.ok(
      own.some(({ exp_alerts = [] }) => exp_alerts.length === 0),
      `${alert} is silent in no scenario`,
    );
  }
  const folder = temporaryFolder(t);
  // The scenarios are of labels; the texts are free to change.
  for (const rule of rules) delete rule.annotations;
  writeFileSync(join(folder, 'alerts.yml'), stringify({ groups }));
  const text = readFileSync(SCENARIOS, 'utf8').replace('[ALERTS]', '[alerts.yml]');
  writeFileSync(join(folder, 'alerts.test.yml'), text);
  promtool('test', 'rules', join(folder, 'alerts.test.yml'));
});

/** Requests that are refused, fail and are let through, and a tunnel that is closed and one that is open. */
async function traffic(context: TestContext, instance: Instance, origin: number): Promise<void> {
  assert.equal(await request(instance.proxy, 'http://169.254.169.254/'), 403);
  assert.equal(await request(instance.proxy, 'http://localhost:1/'), 403);
  await tunnel(instance, origin, 'localhost').then((socket) => socket.destroy());
  const open = await tunnel(instance, origin, 'localhost');
  context.after(() => open.destroy());
}

async function tunnel(instance: Instance, port: number, host: string): Promise<net.Socket> {
  const proxy = new URL(instance.proxy);
  const socket = net.connect(Number(proxy.port), proxy.hostname);
  socket.on('error', () => socket.destroy());
  socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\nhello`);
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
  return socket;
}

async function echo(context: TestContext): Promise<number> {
  const server = net.createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** The address of a Prometheus that scrapes the instance every second. */
async function startPrometheus(context: TestContext, target: string): Promise<string> {
  const folder = temporaryFolder(context);
  const listen = `127.0.0.1:${await freePort()}`;
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [ALERTS],
    scrape_configs: [{ job_name: 'egress-proxy', static_configs: [{ targets: [target] }] }],
  };
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
  const child = spawn(
    'prometheus',
    [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${listen}`],
    { stdio: 'ignore' },
  );
  context.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  return `http://${listen}`;
}

interface Answer {
  readonly error?: string;
  readonly data?: { readonly result?: readonly unknown[] };
}

/** What Prometheus answers, once it has something to answer, or null after `tries` looks. */
async function answered(prometheus: string, query: string, tries = 240): Promise<readonly unknown[] | null> {
  for (let i = 0; i < tries; i++) {
    const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query })}`).catch(() => null);
    const body = response === null ? null : ((await response.json()) as Answer);
    if (response?.status === 400) throw new Error(`${query}: ${body?.error}`);
    const result = body?.data?.result ?? [];
    if (result.length > 0) return result;
    await setTimeout(500);
  }
  return null;
}

test('every query of the dashboard answers, and the first metadata probe is an alert', {
  timeout: 600_000,
}, async (t) => {
  const origin = await echo(t);
  const internal = `internal: [ { address: 127.0.0.1/32, ports: [${origin}] } ]`;
  const instance = await startInstance(
    t,
    `${LISTEN}policy: { default: public, ${internal} }\notlp: { endpoint: "http://127.0.0.1:${origin}" }\n`,
  );
  await traffic(t, instance, origin);
  const prometheus = await startPrometheus(t, new URL(instance.admin).host);
  const dashboard = JSON.parse(readFileSync(DASHBOARD, 'utf8'));
  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      const query = expr.replaceAll('$__rate_interval', '30s').replaceAll('$instance', '.*');
      assert.ok(await answered(prometheus, query), `${title}: ${query}`);
    }
  }
  assert.ok(await answered(prometheus, 'ALERTS{alertname="EgressMetadataProbed",alertstate="firing"}'));
});
