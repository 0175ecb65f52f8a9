import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Deadline, Deadlines, SLOT_MS } from '../../proxy/net/deadlines.js';

/** `pass`: as the clock of the process runs, millisecond by millisecond where there is something to wait for. */
function stand(t: TestContext) {
  let now = 1_000_037;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const met: string[] = [];
  const deadlines = new Deadlines();
  const acting = (onLate: () => void) => new Deadline(deadlines, { onLate });
  return {
    met,
    of: (name: string) => acting(() => met.push(name)),
    acting,
    pass(ms: number) {
      for (let left = ms; left > 0; left -= 10) {
        now += Math.min(10, left);
        t.mock.timers.tick(Math.min(10, left));
      }
    },
  };
}

test('a deadline is met once, never early, and hardly late', (t) => {
  const { met, of, pass } = stand(t);
  for (const ms of [0, 1, 99, 100, 101, 5000]) {
    of(`${ms}`).set(ms);
    pass(ms - 10);
    assert.deepEqual(met, [], `${ms} ms, early`);
    pass(10 + SLOT_MS + 10);
    assert.deepEqual(met.splice(0), [`${ms}`]);
    pass(10 * SLOT_MS);
    assert.deepEqual(met, []);
  }
});

test('one that is further away than the wheel goes round is met in its own turn', (t) => {
  const { met, of, pass } = stand(t);
  of('hour').set(3_600_000);
  of('minute').set(60_000);
  pass(60_000 + 2 * SLOT_MS);
  assert.deepEqual(met, ['minute']);
  pass(3_540_000 - 4 * SLOT_MS);
  assert.deepEqual(met, ['minute']);
  pass(4 * SLOT_MS);
  assert.deepEqual(met, ['minute', 'hour']);
});

test('one that is cleared is not met, and can be set again', (t) => {
  const { met, of, pass } = stand(t);
  const one = of('one');
  const others = [of('before'), of('behind')];
  others[0]?.set(500);
  one.set(500);
  others[1]?.set(500);
  one.clear();
  one.clear();
  pass(1000);
  assert.deepEqual(met.sort(), ['before', 'behind']);
  one.set(500);
  pass(1000);
  assert.deepEqual(met.sort(), ['before', 'behind', 'one']);
});

test('one that is set again counts from then: later, and sooner', (t) => {
  const { met, of, pass } = stand(t);
  const [later, sooner] = [of('later'), of('sooner')];
  later.set(1000);
  sooner.set(100_000);
  for (let i = 0; i < 20; i++) {
    pass(500);
    later.set(1000);
  }
  sooner.set(200);
  assert.deepEqual(met, []);
  pass(200 + 2 * SLOT_MS);
  assert.deepEqual(met, ['sooner']);
  pass(1000);
  assert.deepEqual(met, ['sooner', 'later']);
});

test('what is met may clear its neighbour, and set itself again', (t) => {
  const { met, of, acting, pass } = stand(t);
  const neighbours = [of('one'), of('two')];
  const again = acting(() => {
    met.push('again');
    for (const one of neighbours) one.clear();
    again.set(300);
  });
  for (const one of neighbours) one.set(400);
  again.set(300);
  pass(1300);
  assert.deepEqual(new Set(met), new Set(['again']));
  assert.ok(met.length >= 3, `${met.length} times`);
});

test('one that throws is told to the process, and all others are still met, then and later', async (t) => {
  const { met, of, acting, pass } = stand(t);
  const told: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => told.push(error));
  t.after(() => {
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
  });
  const defects = [new Error('first'), new Error('second')];
  const throwing = defects.map((defect) =>
    acting(() => {
      throw defect;
    }),
  );
  const [before, behind, later] = [of('before'), of('behind'), of('later')];
  for (const one of [before, throwing[0], behind, throwing[1]]) one?.set(300);
  later.set(700);
  pass(500);
  assert.deepEqual(met.sort(), ['before', 'behind']);
  pass(500);
  assert.ok(met.includes('later'), met.join());
  before.set(300);
  pass(500);
  assert.equal(met.length, 4);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(new Set(told), new Set(defects));
});

test('it costs no timer for each: thousands wait by one', (t) => {
  const timers = t.mock.method(globalThis, 'setTimeout');
  const deadlines = new Deadlines();
  for (let i = 0; i < 5000; i++) new Deadline(deadlines, { onLate: () => undefined }).set(60_000);
  assert.ok(timers.mock.callCount() <= 2, `${timers.mock.callCount()} timers`);
});
