import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { CLOCK, withDeadline } from '../../proxy/kubernetes/clock.js';
import { ApiFailure } from '../../proxy/kubernetes/failure.js';

const HOUR_MS = 3_600_000;

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')));
    if (signal.aborted) reject(new Error('aborted'));
  });
}

test('work ends by its deadline, and by the signal, before it begins and in the midst of it', async () => {
  const isSlow = (error: unknown): boolean => error instanceof ApiFailure && error.reason === 'slow';
  const never = new AbortController();
  const alive = setInterval(() => undefined, 1000);
  await assert.rejects(withDeadline(CLOCK, 1, never.signal, untilAborted), isSlow);
  clearInterval(alive);
  await assert.rejects(withDeadline(CLOCK, HOUR_MS, AbortSignal.abort(), untilAborted), isSlow);
  const stopped = new AbortController();
  const working = withDeadline(CLOCK, HOUR_MS, stopped.signal, untilAborted);
  stopped.abort();
  await assert.rejects(working, isSlow);
});

test('nothing of work that is over stays with a signal that goes on', async (t) => {
  const signal = new AbortController().signal;
  const any = t.mock.method(AbortSignal, 'any');
  assert.equal(await withDeadline(CLOCK, HOUR_MS, signal, async () => 'done'), 'done');
  await assert.rejects(
    withDeadline(CLOCK, HOUR_MS, signal, async () => {
      throw new Error('its own');
    }),
    /its own/,
  );
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  assert.equal(any.mock.callCount(), 0);
});
