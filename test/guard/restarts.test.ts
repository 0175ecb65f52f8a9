import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { spawnJson } from '../../proxy/observe/spawn-record.js';
import { startFakeEngine } from './fake-engine.js';
import { created, request, stand } from './stand.js';

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('not within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
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
