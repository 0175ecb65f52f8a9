import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Prefix, parsePrefix } from '../../proxy/core/address.js';
import { LEASE_FILE } from '../../proxy/core/lease.js';
import { createLeases } from '../../proxy/door/leases.js';
import { Custody } from '../../proxy/guard/custody.js';
import { Engine } from '../../proxy/guard/engine.js';
import { createLeaseFile } from '../../proxy/guard/lease-file.js';
import { spawnJson } from '../../proxy/observe/spawn-record.js';
import { startFakeEngine } from './fake-engine.js';
import { create, created, request, stand, tool, until } from './stand.js';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  assert.ok(parsed !== null);
  return parsed;
}

test('an engine that restarts is followed again, and what it no longer has is out of reach', async (context) => {
  const it = await stand(context);
  const [kept, lost] = [await created(it), await created(it, { Labels: { 'docker-mcp-name': 'memory' } })];
  const container = it.engine.containers.get(kept);
  await it.engine.close();
  assert.match(await it.send(request('GET /_ping')), /^HTTP\/1\.1 502 /);
  assert.equal(it.records.at(-1)?.reason, 'engine-unreachable');
  const again = await startFakeEngine(it.engine.path);
  context.after(() => again.close());
  if (container !== undefined) again.containers.set(kept, container);
  await until(() => it.guard.custody.roster.size === 1);
  assert.deepEqual(it.guard.custody.roster.find(lost), null);
  assert.notEqual(it.guard.custody.roster.find(kept), null);
});

test('a tool whose client is gone is removed after a while, and one that is followed is not', async (context) => {
  let now = 0;
  const it = await stand(context, { now: () => now });
  const [followed, alone] = [await created(it, { AttachStdout: true }), await created(it, { AttachStdout: true })];
  for (const id of [followed, alone]) await it.send(request(`POST /v1.45/containers/${id}/start`));
  const wait = it.open();
  wait.write(request(`POST /v1.45/containers/${followed}/wait`));
  await once(wait, 'data');
  now += 4_999;
  await it.guard.custody.sweep();
  assert.equal(it.engine.containers.size, 2);
  now += 1;
  await it.guard.custody.sweep();
  assert.deepEqual([...it.engine.containers.keys()], [followed]);
  assert.deepEqual([it.records.at(-1)?.reason, it.records.at(-1)?.operation], ['orphan-removed', 'remove']);
  wait.destroy();
  await until(() => it.guard.custody.roster.find(followed)?.followers === 0);
  now += 5_000;
  await it.guard.custody.sweep();
  assert.equal(it.engine.containers.size, 0);
});

test('a tool that was started without a client is left alone', async (context) => {
  let now = 0;
  const it = await stand(context, { now: () => now });
  const id = await created(it);
  await it.send(request(`POST /v1.45/containers/${id}/start`));
  now += 3_600_000;
  await it.guard.custody.sweep();
  assert.equal(it.engine.containers.size, 1);
});

test('no value of a client can end a line of the record, or steer a terminal', () => {
  const json = spawnJson({
    event: 'spawn',
    id: '1',
    time: '2026-11-26T00:00:00.000Z',
    outcome: 'deny',
    reason: 'field-refused',
    operation: `GET /${'x'.repeat(9999)}`,
    server: 'a\n{"event":"decision"}\u001b[31m\u202e',
    image: null,
    field: null,
    container: null,
    address: null,
    status: 403,
    explanation: null,
  });
  assert.match(json, /^[ -~]+$/);
  assert.ok(json.length < 1500);
});

const GITHUB = { Image: 'mcp/github-mcp-server', Labels: { 'docker-mcp-name': 'github' } };

test('a create whose answer is lost keeps its address, and what it made is removed', async (context) => {
  let now = 0;
  const it = await stand(context, { now: () => now, distinct: true });
  it.engine.answers.set('POST /containers/create', 'lost');
  assert.match(await it.send(create(tool(GITHUB))), /^HTTP\/1\.1 502 /);
  it.engine.answers.clear();
  const [made] = it.engine.containers.values();
  await created(it, GITHUB);
  const addresses = it.guard.custody.leases.map(({ address }) => address);
  assert.deepEqual(addresses, ['172.31.250.192', '172.31.250.193']);
  await it.guard.custody.sweep();
  assert.notEqual(it.guard.custody.roster.find(made?.id ?? ''), null);
  now += 5_000;
  await it.guard.custody.sweep();
  assert.ok(!it.engine.containers.has(made?.id ?? ''));
});

test('a tool that the engine cannot remove keeps its address and is tried again', async (context) => {
  let now = 0;
  const it = await stand(context, { now: () => now });
  const id = await created(it, { ...GITHUB, AttachStdin: true });
  it.engine.answers.set(`DELETE /containers/${id}`, { status: 500, body: { message: 'busy' } });
  now += 30_000;
  await it.guard.custody.sweep();
  assert.deepEqual([it.guard.custody.roster.size, it.guard.custody.leases.length], [1, 1]);
  it.engine.answers.clear();
  await it.guard.custody.sweep();
  assert.deepEqual([it.guard.custody.roster.size, it.guard.custody.leases.length], [0, 0]);
});

test('the end of a tool never takes the lease of the one that has its address now', async (context) => {
  const it = await stand(context);
  const { custody } = it.guard;
  const space = { range: prefix('172.31.250.140/32'), taken: [] };
  const first = custody.lease({ name: 'a', client: null }, space, 'mcp-a-000001');
  assert.ok(first !== null);
  custody.release(first);
  const second = custody.lease({ name: 'a', client: null }, space, 'mcp-a-000002');
  custody.release(first);
  assert.deepEqual(custody.leases, [second]);
});

test('an address goes at once to the same server only, also where neither server is known', async (context) => {
  let now = 0;
  const it = await stand(context, { now: () => now });
  const { custody } = it.guard;
  const space = { range: prefix('172.31.250.140/32'), taken: [] };
  const lease = (server: string, container: string) => custody.lease({ name: server, client: null }, space, container);
  custody.release(lease('unknown-server', 'mcp-a-000001'));
  assert.equal(lease('unknown-server', 'mcp-b-000002'), null);
  assert.equal(lease('a', 'mcp-a-000003'), null);
  custody.release(lease('unknown-server', 'mcp-a-000004'));
  now += 30_000;
  assert.equal(lease('unknown-server', 'mcp-b-000005')?.address, '172.31.250.140');
});

test('leases of an earlier run are in force until the engine has said who is there', async (context) => {
  const it = await stand(context);
  const container = 'mcp-github-000001';
  const lease = { address: '172.31.250.192', server: 'github', client: null, container };
  const file = { read: () => [lease], save() {} };
  const custody = new Custody({
    config: () => it.config,
    engine: new Engine(() => it.engine.path),
    leaseFile: file,
    now: () => 0,
    onOrphan() {},
  });
  const gone = new AbortController();
  const waiting = custody.whenInSync(gone.signal).then(
    () => 'in sync',
    () => 'not in sync',
  );
  assert.deepEqual(custody.leases, [lease]);
  await custody.resync();
  assert.equal(await waiting, 'in sync');
  assert.deepEqual(custody.leases, []);
});

test('a lease that cannot be written makes no tool, and costs no address', async (context) => {
  const it = await stand(context);
  renameSync(it.leases, `${it.leases}.away`);
  assert.match(await it.send(create(tool(GITHUB))), /^HTTP\/1\.1 409 .*cannot be written/s);
  assert.equal(it.engine.containers.size, 0);
  renameSync(`${it.leases}.away`, it.leases);
  await created(it, GITHUB);
  assert.deepEqual(
    it.guard.custody.leases.map(({ address }) => address),
    ['172.31.250.192'],
  );
});

test('the proxy sees each new lease file, however little time and text lies between two', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'egress-leases-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [file, reader] = [createLeaseFile(folder), createLeases(folder)];
  const sizes = new Set<number>();
  for (let i = 0; i < 8; i++) {
    const container = `mcp-a-${String(i).padStart(6, '0')}`;
    file.save([{ address: '10.0.0.2', server: 'a', client: null, container }]);
    assert.equal(reader.of('10.0.0.2')?.container, container);
    // By size alone: inode and time may be those of the file before the last one.
    sizes.add(statSync(join(folder, LEASE_FILE)).size);
  }
  assert.equal(sizes.size, 8);
});
