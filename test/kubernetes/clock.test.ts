import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { createClock, withDeadline } from '../../proxy/kubernetes/clock.js';
import { ApiFailure } from '../../proxy/kubernetes/failure.js';

const HOUR_MS = 3_600_000;
const CLOCK = createClock();

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

test('the time in which the machine sleeps counts, and a wall clock that is set back takes nothing away', () => {
  const at = { running: 50, wall: 1_000_000 };
  const clock = createClock({ running: () => at.running, wall: () => at.wall });
  const step = (running: number, wall: number): number => {
    at.running += running;
    at.wall += wall;
    return clock.now();
  };
  assert.equal(step(10, 10), 10);
  assert.equal(step(1, HOUR_MS), 10 + HOUR_MS, 'asleep for an hour');
  assert.equal(step(5, -2 * HOUR_MS), 15 + HOUR_MS, 'set back');
  assert.equal(step(5, 4), 20 + HOUR_MS);
});
