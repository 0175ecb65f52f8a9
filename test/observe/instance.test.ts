/** Records of several instances, side by side. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { createIds } from '../../proxy/observe/clock.js';
import { ecsLine } from '../../proxy/observe/ecs.js';
import { instanceName } from '../../proxy/observe/instance.js';
import { closeJson, decisionJson } from '../../proxy/observe/json-line.js';
import { fanOut } from '../../proxy/observe/observe.js';
import { parseRecordLine } from '../../proxy/observe/parse-record.js';
import { parseSpawnLine } from '../../proxy/observe/parse-spawn.js';
import { prettyRenderer } from '../../proxy/observe/pretty.js';
import { createRing } from '../../proxy/observe/ring.js';
import { spawnJson } from '../../proxy/observe/spawn-record.js';
import { closeRecord, decisionRecord } from './records.js';

test('ids of instances that decide in the same millisecond differ, and are of one length', () => {
  const replicas = Array.from({ length: 50 }, () => createIds(() => 1_700_000_000_000));
  const ids = replicas.flatMap((newId) => [newId(), newId()]);
  assert.equal(new Set(ids).size, 100);
  for (const id of ids) assert.match(id, /^[0-9a-z]{9}-[0-9a-z]{4}-[0-9a-z]{5}$/);
});

test('ids sort by time as text, within a millisecond, across milliseconds, and where the clock goes back', () => {
  const times = [5, 5, 5, 6, 7, 3, 7, 8].map((time) => 1_700_000_000_000 + time);
  const newId = createIds(() => times.shift() ?? 0, 'zzzzz');
  const ids = Array.from({ length: 8 }, newId);
  assert.deepEqual(ids.toSorted(), ids);
  const [early, late] = [createIds(() => 1_700_000_000_000, 'zzzzz'), createIds(() => 1_700_000_000_001, '00000')];
  assert.ok(early() < late(), 'of another instance, too');
});

test('a page of the list ends where the one before began, whatever the digits of the instance', () => {
  const ring = createRing(100);
  const newId = createIds(() => 1_700_000_000_000);
  const sink = fanOut([ring], () => false, 'pod-1');
  const ids = Array.from({ length: 10 }, newId);
  for (const id of ids) sink.decision(decisionRecord({ id }));
  const page = (before: string | null) => {
    const any = { outcome: null, reason: null, client: null, host: null, text: null };
    return ring.query({ ...any, limit: 4, before }).map(({ id }) => id);
  };
  const first = page(null);
  const second = page(first.at(-1) ?? null);
  assert.deepEqual([...first, ...second], ids.toReversed().slice(0, 8));
});

test('the instance is the pod, else the container, else the machine', () => {
  assert.equal(instanceName({ POD_NAME: 'egress-proxy-abc', HOSTNAME: 'host' }), 'egress-proxy-abc');
  assert.equal(instanceName({ POD_NAME: '', HOSTNAME: 'host' }), 'host');
  assert.equal(instanceName({ POD_NAME: ' \n' }), hostname());
  assert.equal(instanceName({ POD_NAME: 'x'.repeat(10_000) }).length, 253);
});

test('each line has it: decisions, closes and spawns, and the records that are read from them', () => {
  const lines = [decisionJson(decisionRecord({}), 'pod-1'), closeJson(closeRecord({}), 'pod-1')];
  for (const line of lines) assert.equal(JSON.parse(line).instance, 'pod-1');
  assert.equal(parseRecordLine(lines[0] ?? '')?.instance, 'pod-1');
  assert.equal('instance' in (parseRecordLine(decisionJson(decisionRecord({}))) ?? {}), false);
  const ring = createRing(10);
  fanOut([ring], () => false, 'pod-1').decision(decisionRecord({ id: 'a' }));
  assert.equal(ring.find('a')?.instance, 'pod-1');
});

test('the guard says its own, and older lines of it have none', () => {
  const spawn = {
    event: 'spawn',
    id: 'a',
    time: '2026-11-26T00:00:00.000Z',
    outcome: 'allow',
    reason: null,
    operation: 'create',
    server: null,
    image: null,
    field: null,
    container: null,
    address: null,
    status: 201,
    explanation: null,
  } as const;
  assert.equal(parseSpawnLine(spawnJson({ ...spawn, instance: 'guard-1' }))?.instance, 'guard-1');
  assert.deepEqual(parseSpawnLine(spawnJson(spawn)), spawn);
});

test('a name that tries to end a line, to steer a terminal or to be a field is text', () => {
  const hostile = 'a","outcome":"allow\n\u001b[31m\u202e{}';
  for (const line of [decisionJson(decisionRecord({}), hostile), closeJson(closeRecord({}), hostile)]) {
    assert.match(line, /^[\x20-\x7e]+$/);
    const parsed = JSON.parse(line);
    assert.equal(parsed.instance, hostile);
  }
  assert.equal(JSON.parse(decisionJson(decisionRecord({ outcome: 'deny' }), hostile)).outcome, 'deny');
});

test('in ECS it is the name of the service node; at a terminal it is left out', () => {
  const ecs = JSON.parse(ecsLine(decisionJson(decisionRecord({}), 'pod-1')));
  assert.deepEqual([ecs.service.node, ecs.egress.instance], [{ name: 'pod-1' }, 'pod-1']);
  assert.equal(JSON.parse(ecsLine(decisionJson(decisionRecord({})))).service.node, undefined);
  const pretty = prettyRenderer(false);
  for (const line of [
    decisionJson(decisionRecord({}), 'pod-1'),
    '{"level":"info","event":"reloaded","instance":"pod-1"}',
  ])
    assert.doesNotMatch(pretty(line), /pod-1/);
});
