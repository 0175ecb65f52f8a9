import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineStore } from '../../proxy/observe/line-store.js';

test('the newest lines are held, whatever their length and script', () => {
  const store = createLineStore(100);
  const lines = Array.from(
    { length: 500 },
    (_, i) => `${i} ${'aé€😀'.repeat(i % 97)} ${'x'.repeat((i * 7919) % 3000)}`,
  );
  for (const [i, line] of lines.entries()) {
    store.push(line);
    assert.equal(store.size(), Math.min(i + 1, 100));
    assert.equal(store.read(0), line);
  }
  for (let age = 0; age < 100; age++) assert.equal(store.read(age), lines[lines.length - 1 - age]);
});

test('a line longer than an allocation is held whole', () => {
  const store = createLineStore(2);
  const long = '€'.repeat(100_000);
  for (const line of ['a', long, 'b']) store.push(line);
  assert.equal(store.read(0), 'b');
  assert.equal(store.read(1), long);
});

test('no more bytes are held than there is room for, and the newest line in any case', () => {
  const store = createLineStore(100, 1000);
  for (let i = 0; i < 50; i++) store.push(`${i} ${'x'.repeat(97)}`.slice(0, 100));
  assert.equal(store.size(), 10);
  assert.match(store.read(9), /^40 /);
  const long = 'y'.repeat(5000);
  store.push(long);
  assert.equal(store.size(), 1);
  assert.equal(store.read(0), long);
  store.push('short');
  assert.equal(store.size(), 1);
  assert.equal(store.read(0), 'short');
});
