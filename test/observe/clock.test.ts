import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock } from '../../proxy/observe/clock.js';

test('the time is written as Date writes it, whichever second and millisecond it is', () => {
  let now = 0;
  const clock = new Clock(() => now);
  const start = Date.UTC(2026, 11, 31, 23, 59, 58, 990);
  for (const ms of [
    0,
    1,
    9,
    10,
    99,
    999,
    1000,
    ...Array.from({ length: 40 }, (_, i) => start + 57 * i),
    start - 5000,
  ]) {
    now = ms;
    assert.equal(clock.iso(), new Date(ms).toISOString());
    assert.equal(clock.http(), new Date(ms).toUTCString());
    assert.equal(clock.iso(), new Date(ms).toISOString(), 'asked again in the same millisecond');
  }
});
