import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createKeptTest } from '../../proxy/observe/kept.js';
import { fanOut } from '../../proxy/observe/observe.js';
import { openLog } from '../../proxy/observe/open-log.js';
import { restoreRing } from '../../proxy/observe/read-back.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { NO_FILTER } from '../../proxy/observe/record-filter.js';
import { Repeats } from '../../proxy/observe/repeats.js';
import { createRing, type Ring } from '../../proxy/observe/ring.js';
import { decisionRecord } from './records.js';

const refusal = (change: Partial<DecisionRecord> = {}) => decisionRecord({ reason: 'host-denied', ...change });
const all = { ...NO_FILTER, limit: 10_000, before: null };

test('alarms, and first contacts of a client with a host, are kept apart', () => {
  const isKept = createKeptTest(() => 0);
  assert.equal(isKept(decisionRecord({ reason: 'metadata-address' })), true);
  assert.equal(isKept(decisionRecord({ reason: 'own-listener' })), true);
  assert.equal(isKept(refusal({ host: 'alpha.example' })), true);
  assert.equal(isKept(refusal({ host: 'alpha.example' })), false);
  assert.equal(isKept(refusal({ host: 'made-up.alpha.example' })), false);
  assert.equal(isKept(refusal({ host: 'alpha.example', client: { address: '10.0.0.9', name: null } })), true);
  assert.equal(isKept(refusal({ host: null })), false);
});

test('a client that makes up hosts, or alarms, cannot push out what is kept', () => {
  let time = 0;
  const isKept = createKeptTest(() => time);
  let kept = 0;
  for (let i = 0; i < 40_000; i++) {
    time = i;
    if (isKept(refusal({ host: `host${i}.example${i}` }))) kept += 1;
    if (isKept(decisionRecord({ reason: 'metadata-address', host: `n${i}.example` }))) kept += 1;
  }
  assert.ok(kept <= 2 * (16 + 4), `${kept} records in 40 s`);
  assert.equal(isKept(refusal({ outcome: 'allow', reason: null, host: 'api.example.com' })), true);
});

function flood(ring: Ring, sinkOf: (ring: Ring) => (record: DecisionRecord) => void, count: number): void {
  const decide = sinkOf(ring);
  decide(decisionRecord({ id: 'alarm', reason: 'metadata-address' }));
  for (let i = 0; i < count; i++) decide(refusal({ id: `r${i}`, host: `n${i}.flood.example` }));
}

const asServed = (ring: Ring) =>
  fanOut(
    [ring],
    createKeptTest(() => 0),
  ).decision;

test('what is kept apart is read as older than all others, once, and by its id', () => {
  const ring = createRing(100);
  flood(ring, asServed, 5000);
  const held = ring.query(all);
  assert.equal(ring.size(), held.length);
  assert.equal(held.at(-1)?.id, 'alarm');
  assert.equal(held.length, new Set(held.map(({ id }) => id)).size);
  assert.equal(ring.find('alarm')?.reason, 'metadata-address');
  assert.deepEqual(
    ring.query({ ...all, reason: 'metadata-address' }).map(({ id }) => id),
    ['alarm'],
  );
  const [oldest] = held.slice(-2);
  assert.deepEqual(
    ring.query({ ...all, before: oldest?.id ?? '' }).map(({ id }) => id),
    ['alarm'],
  );
  assert.deepEqual(ring.query({ ...all, before: 'alarm' }), []);
  assert.equal(ring.since('r4999').length, 0);
});

test('what is kept apart is not shown twice while it is among the recent ones', () => {
  const ring = createRing(100);
  flood(ring, asServed, 10);
  assert.equal(ring.query(all).length, 11);
  assert.equal(ring.size(), 11);
});

test('records with many addresses take the room of many, and none of what is kept apart', () => {
  const ring = createRing(5000, 100_000);
  const decide = asServed(ring);
  decide(decisionRecord({ id: 'alarm', reason: 'metadata-address' }));
  const addresses = Array.from({ length: 128 }, (_, i) => `2001:4860:4860:0:1111:2222:3333:${(i + 4096).toString(16)}`);
  for (let i = 0; i < 1000; i++) decide(refusal({ id: `r${i}`, host: `n${i}.flood.example`, addresses }));
  assert.ok(ring.size() < 30, `${ring.size()}`);
  assert.equal(ring.query(all).at(-1)?.id, 'alarm');
});

test('records that stand for more are totalled as what they stand for', () => {
  const ring = createRing(10);
  fanOut([ring]).decision(refusal({ repeats: 41 }));
  assert.deepEqual(ring.totals(), { allow: 0, deny: 42, fail: 0, reported: 0 });
});

test('a flood of forty seconds leaves the metadata record on the page and in the files, and after a restart', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'egress-kept-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = { path: join(folder, 'decisions.log'), maxSizeBytes: 100_000, keep: 1 };
  const stdout = { write() {}, dropped: () => 0, async close() {} };
  const log = await openLog({ level: 'info', format: 'json', file }, stdout);
  const ring = createRing(500);
  let time = 0;
  const sink = new Repeats(
    fanOut(
      [log.decisions, ring],
      createKeptTest(() => time),
    ),
    { now: () => time },
  );
  sink.decision(decisionRecord({ id: 'alarm', reason: 'metadata-address' }));
  for (let i = 0; i < 40_000; i++) {
    time = i;
    const client = { address: `10.0.0.${i % 3}`, name: null };
    sink.decision(refusal({ id: `r${i}`, host: `n${i}.example`, client }));
    sink.decision(refusal({ id: `s${i}`, host: 'same.example', client }));
  }
  sink.flush();
  await log.close(5000);
  assert.equal(ring.find('alarm')?.host, '169.254.169.254');
  assert.match(await readFile(join(folder, 'decisions.kept.log'), 'utf8'), /"id":"alarm"/);
  const restored = createRing(500);
  await restoreRing(restored, file, 500);
  assert.equal(restored.find('alarm')?.reason, 'metadata-address');
  assert.equal(restored.query(all).at(-1)?.id, 'alarm');
});
