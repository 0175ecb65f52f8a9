import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decisionJson } from '../../proxy/observe/json-line.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { NO_FILTER } from '../../proxy/observe/record-filter.js';
import { createRing, type RingQuery } from '../../proxy/observe/ring.js';
import { decisionRecord } from './records.js';

const EVERYTHING: RingQuery = { ...NO_FILTER, limit: 100, before: null };

function ringOf(capacity: number, ...records: DecisionRecord[]) {
  const ring = createRing(capacity);
  for (const record of records) ring.decision(record, decisionJson(record));
  return ring;
}

function numbered(count: number): DecisionRecord[] {
  return Array.from({ length: count }, (_, i) => decisionRecord({ id: `r${i + 1}` }));
}

const idsOf = (records: readonly DecisionRecord[]) => records.map((record) => record.id);

test('the newest come first, and no more than the capacity are held', () => {
  const ring = ringOf(3, ...numbered(5));
  assert.deepEqual(idsOf(ring.query(EVERYTHING)), ['r5', 'r4', 'r3']);
  assert.equal(ring.size(), 3);
  assert.deepEqual(ring.totals(), { allow: 0, deny: 5, fail: 0, reported: 0 });
});

test('pages by "before" are disjoint and whole, in the order of arrival whatever the ids are', () => {
  const ring = ringOf(10, ...['z9', 'a1', 'm5', 'b2', 'y8'].map((id) => decisionRecord({ id })));
  const first = ring.query({ ...EVERYTHING, limit: 2 });
  const second = ring.query({ ...EVERYTHING, limit: 2, before: 'b2' });
  const third = ring.query({ ...EVERYTHING, limit: 2, before: 'a1' });
  assert.deepEqual([idsOf(first), idsOf(second), idsOf(third)], [['y8', 'b2'], ['m5', 'a1'], ['z9']]);
  assert.deepEqual(ring.query({ ...EVERYTHING, before: 'z9' }), []);
});

test('records before one that is no longer held are none', () => {
  assert.deepEqual(ringOf(2, ...numbered(4)).query({ ...EVERYTHING, before: 'r1' }), []);
});

test('filters choose by outcome, reason, client and host', () => {
  const ring = ringOf(
    10,
    decisionRecord({ id: 'a', host: 'api.example.com', client: { address: '10.0.0.1', name: 'nas' } }),
    decisionRecord({ id: 'b', host: 'example.com', outcome: 'allow', reason: null }),
    decisionRecord({ id: 'c', host: 'API.example.com', outcome: 'fail', reason: 'dns-timeout' }),
    decisionRecord({ id: 'd', host: null, client: { address: '10.0.0.2', name: null } }),
  );
  const ids = (filter: Partial<RingQuery>) => idsOf(ring.query({ ...EVERYTHING, ...filter })).join('');
  assert.equal(ids({ outcome: 'allow' }), 'b');
  assert.equal(ids({ reason: 'dns-timeout' }), 'c');
  assert.equal(ids({ client: 'NAS' }), 'a');
  assert.equal(ids({ client: '10.0.0.2' }), 'd');
  assert.equal(ids({ host: 'api.example.com' }), 'ca');
  assert.equal(ids({ host: '*.example.com' }), 'ca');
  assert.equal(ids({ host: 'example.com' }), 'b');
  assert.equal(ids({ outcome: 'deny', limit: 1 }), 'd');
});

test('records of an earlier run are older than all others, in pages too, and are not counted', () => {
  const ring = createRing(10);
  for (const id of ['z1', 'z2']) ring.restore(decisionRecord({ id }), decisionJson(decisionRecord({ id })));
  const record = decisionRecord({ id: 'a1' });
  ring.decision(record, decisionJson(record));
  assert.deepEqual(idsOf(ring.query(EVERYTHING)), ['a1', 'z2', 'z1']);
  assert.deepEqual(idsOf(ring.query({ ...EVERYTHING, before: 'a1' })), ['z2', 'z1']);
  assert.deepEqual(ring.totals(), { allow: 0, deny: 1, fail: 0, reported: 0 });
});

test('a record is found by its id as it was written', () => {
  const record = decisionRecord({ id: 'x', host: '<b>\u202e' });
  const ring = ringOf(5, record);
  assert.deepEqual(ring.find('x'), { level: 'warn', ...record });
  assert.equal(ring.find('y'), null);
});

test('what came after a record is replayed oldest first, and all of it if the record is gone', () => {
  const ring = ringOf(3, ...numbered(5));
  const since = (id: string) => idsOf(ring.since(id).map(({ record }) => record));
  assert.deepEqual(since('r4'), ['r5']);
  assert.deepEqual(since('r5'), []);
  assert.deepEqual(since('r1'), ['r3', 'r4', 'r5']);
});

test('a subscriber gets what matches, is woken once, and loses the oldest beyond its bound', () => {
  const ring = createRing(10);
  let woken = 0;
  const subscription = ring.subscribe({ filter: { ...NO_FILTER, outcome: 'deny' }, capacity: 3, wake: () => woken++ });
  for (const record of [...numbered(10), decisionRecord({ outcome: 'allow', reason: null })]) {
    ring.decision(record, decisionJson(record));
  }
  assert.equal(woken, 1);
  const taken = [...subscription.take(2), ...subscription.take(100)].map(({ id }) => id);
  assert.deepEqual(taken, ['r8', 'r9', 'r10']);
  assert.deepEqual([subscription.lost(), ring.lost(), ring.subscribers()], [7, 7, 1]);
});

test('what was refused outlives what was allowed in a full queue', () => {
  const ring = createRing(10);
  const subscription = ring.subscribe({ filter: NO_FILTER, capacity: 3, wake: () => {} });
  const outcomes = ['deny', 'allow', 'allow', 'deny', 'allow', 'allow'] as const;
  for (const [i, outcome] of outcomes.entries()) {
    const record = decisionRecord({ id: `${i}`, outcome, reason: outcome === 'allow' ? null : 'host-denied' });
    ring.decision(record, decisionJson(record));
  }
  assert.deepEqual(
    subscription.take(10).map(({ id }) => id),
    ['0', '3', '5'],
  );
  assert.equal(subscription.lost(), 3);
});

test('a subscriber that has gone holds nothing, and its losses stay counted', () => {
  const ring = createRing(10);
  const subscription = ring.subscribe({ filter: NO_FILTER, capacity: 1, wake: () => {} });
  for (const record of numbered(5)) ring.decision(record, decisionJson(record));
  subscription.take(1);
  subscription.close();
  subscription.close();
  for (const record of numbered(5)) ring.decision(record, decisionJson(record));
  assert.deepEqual([ring.subscribers(), ring.lost(), subscription.waiting()], [0, 4, 0]);
});
