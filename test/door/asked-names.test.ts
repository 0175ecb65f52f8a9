import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAskedNames } from '../../proxy/door/asked-names.js';

test('a name is news once in a minute for each client, and a client that asks for hundreds is not', () => {
  let now = 0;
  const names = createAskedNames(() => now);
  assert.equal(names.isNews('10.0.0.1', 'a.test'), true);
  assert.equal(names.isNews('10.0.0.1', 'a.test'), false);
  assert.equal(names.isNews('10.0.0.2', 'a.test'), true);
  now = 59_999;
  assert.equal(names.isNews('10.0.0.1', 'a.test'), false);
  now = 60_000;
  assert.equal(names.isNews('10.0.0.1', 'a.test'), true);
  const news = Array.from({ length: 500 }, (_, i) => names.isNews('10.0.0.3', `n${i}.test`)).filter(Boolean);
  assert.equal(news.length, 30);
  now = 120_000;
  assert.equal(names.isNews('10.0.0.3', 'later.test'), true);
});
