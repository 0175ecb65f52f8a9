import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ClientEntry } from '../../proxy/config/config.js';
import { parsePrefix } from '../../proxy/core/address.js';
import { identify, namesByToken, type Origin } from '../../proxy/door/clients.js';
import { plainEnv } from '../cli/plain-env.js';
import { configFile, configOf, errorsOf } from '../config/fixture.js';

const NOBODY: ClientEntry = {
  name: 'nobody',
  token: null,
  next: null,
  address: null,
  server: null,
  pods: null,
  default: null,
  mode: null,
};
const PODS = { namespace: 'tools', labels: { app: 'a' } };
const ENTRIES: readonly ClientEntry[] = [
  { ...NOBODY, name: 'by-address', address: parsePrefix('10.244.0.0/16') },
  { ...NOBODY, name: 'by-pods', pods: PODS },
  { ...NOBODY, name: 'by-server', server: 'github' },
  { ...NOBODY, name: 'by-token', token: 'secret' },
  { ...NOBODY, name: 'by-both', token: 'secret-2', pods: PODS },
];
const LEASE = { address: '10.244.1.7', server: 'github', client: null, container: 'c' };
const ORIGIN = { address: '10.244.1.7', lease: null, pod: null };

test('a pod’s name goes before an address and behind a lease, and its entry alone names it', () => {
  const name = (origin: Partial<Origin>) => identify(ENTRIES, { ...ORIGIN, ...origin }, null);
  assert.deepEqual(name({}), { outcome: 'known', name: 'by-address' });
  assert.deepEqual(name({ pod: 'by-pods' }), { outcome: 'known', name: 'by-pods' });
  assert.deepEqual(name({ pod: 'by-pods', lease: LEASE }), { outcome: 'known', name: 'by-server' });
  assert.deepEqual(name({ pod: 'another' }), { outcome: 'known', name: 'by-address' });
  assert.deepEqual(name({ pod: 'by-both' }), { outcome: 'known', name: 'by-address' }, 'not without its token');
  assert.deepEqual(name({ pod: 'by-token' }), { outcome: 'known', name: 'by-address' }, 'an entry without pods');
});

test('a token decides where there is one, and an entry with pods as well needs both', () => {
  const outcome = (user: string, password: string, pod: string | null) =>
    identify(ENTRIES, { ...ORIGIN, pod }, { user, password });
  assert.deepEqual(outcome('by-token', 'secret', 'by-pods'), { outcome: 'known', name: 'by-token' });
  assert.deepEqual(outcome('by-both', 'secret-2', 'by-both'), { outcome: 'known', name: 'by-both' });
  for (const pod of [null, 'by-pods', 'another'])
    assert.deepEqual(outcome('by-both', 'secret-2', pod), { outcome: 'refused' }, String(pod));
  assert.deepEqual(outcome('by-both', 'wrong', 'by-both'), { outcome: 'refused' });
  assert.deepEqual(outcome('by-pods', 'anything', 'by-pods'), { outcome: 'refused' }, 'it has no token');
  assert.deepEqual(namesByToken(ENTRIES, { ...ORIGIN, pod: 'by-both' }), ['by-token', 'by-both']);
  assert.deepEqual(namesByToken(ENTRIES, { ...ORIGIN, pod: 'by-pods' }), ['by-token']);
});

test('selectors are read from the configuration', (t) => {
  const text = 'clients: [ { name: a, pods: { namespace: tools, labels: { app.kubernetes.io/name: x, tier: "" } } } ]';
  const [client] = configOf(t, `version: 1\n${text}\n`).clients;
  assert.deepEqual(client?.pods, { namespace: 'tools', labels: { 'app.kubernetes.io/name': 'x', tier: '' } });
});

const POD = (namespace: string, labels: string): string => `pods: { namespace: ${namespace}, labels: ${labels} }`;
const MISTAKES: readonly (readonly [what: string, clients: string, ...paths: string[]])[] = [
  ['every pod of a namespace', `{ name: a, ${POD('tools', '{}')} }`],
  ['no labels at all', '{ name: a, pods: { namespace: tools } }', 'clients[0].pods.labels'],
  ['labels that are commented out', '{ name: a, pods: { namespace: tools, labels: null } }', 'clients[0].pods.labels'],
  ['a namespace that is a path', `{ name: a, ${POD('"tools/../x"', '{}')} }`, 'clients[0].pods.namespace'],
  ['a namespace in capitals', `{ name: a, ${POD('Tools', '{}')} }`, 'clients[0].pods.namespace'],
  ['a number as a value', `{ name: a, ${POD('tools', '{ tier: 1 }')} }`, 'clients[0].pods.labels.tier'],
  ['an expression as a value', `{ name: a, ${POD('tools', '{ app: "a,b" }')} }`, 'clients[0].pods.labels.app'],
  ['the same pods', `{ name: a, ${POD('n', '{ x: y }')} }, { name: b, ${POD('n', '{ x: y }')} }`, 'clients[1].pods'],
  [
    'pods that are part of those before',
    `{ name: a, ${POD('n', '{ x: y }')} }, { name: b, token: z, ${POD('n', '{ x: y, z: w }')} }`,
    'clients[1].pods',
  ],
  [
    'pods that hold those before',
    `{ name: a, ${POD('n', '{ x: y }')} }, { name: b, ${POD('n', '{}')} }`,
    'clients[1].pods',
  ],
  ['the same labels elsewhere', `{ name: a, ${POD('n', '{ x: y }')} }, { name: b, ${POD('m', '{ x: y }')} }`],
  ['another value', `{ name: a, ${POD('n', '{ x: y }')} }, { name: b, ${POD('n', '{ x: z }')} }`],
];
for (const [what, clients, ...paths] of MISTAKES) {
  test(`${what}: ${paths.length === 0 ? 'good' : 'a mistake'}`, (t) => {
    const errors = errorsOf(t, `version: 1\nclients: [ ${clients} ]\n`);
    assert.deepEqual(
      errors.map(({ path }) => path),
      paths,
    );
  });
}

test('serve is not ready before the pods are known, says why, and serves all the same', async (t) => {
  const path = configFile(
    t,
    `version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:0" }\nclients: [ { name: a, ${POD('tools', '{}')} } ]\n`,
  );
  const main = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'serve', '--config', path], {
    env: plainEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const events = new Map<string, Record<string, unknown>>();
  for await (const line of createInterface({ input: child.stdout })) {
    const record: Record<string, unknown> = JSON.parse(line);
    events.set(String(record.event), record);
    if (events.has('listening') && events.has('pods-watch')) break;
  }
  const { namespace, state, reason } = events.get('pods-watch') ?? {};
  assert.deepEqual([namespace, state, reason], ['tools', 'stale', 'no-cluster']);
  const listening = events.get('listening')?.listening;
  const admin = Object(listening).admin;
  const ready = await fetch(`http://${admin}/readyz`);
  assert.deepEqual([ready.status, await ready.json()], [503, { status: 'starting' }]);
  assert.equal((await fetch(`http://${admin}/healthz`)).status, 200);
  const metrics = await (await fetch(`http://${admin}/metrics`)).text();
  assert.match(metrics, /^egress_pods_watch_up\{namespace="tools"\} 0$/m);
  assert.match(metrics, /^egress_pods\{namespace="tools"\} 0$/m);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
