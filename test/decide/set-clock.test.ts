/** What was decided for a time, while somebody sets the wall clock or the machine sleeps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Book } from '../../proxy/decide/book.js';
import { type BookStand, bookStand, DECIDING, draft, FakeClock } from './stand.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;

interface SetClock extends BookStand {
  /** The wall clock is set by so much; time itself goes on as it does. */
  set(ms: number): void;
}

function setClock(): SetClock {
  const time = new FakeClock();
  const skew = { ms: 0 };
  const clock = {
    now: () => time.now() + skew.ms,
    steady: () => time.now() - Date.parse('2025-12-31T00:00:00Z'),
    after: (ms: number, then: () => void) => time.after(ms, then),
  };
  return {
    ...bookStand({ clock }),
    clock: time,
    set(ms) {
      skew.ms += ms;
    },
  };
}

test('a clock that is set back gives a permission no more time, and what is shown and kept says so', () => {
  const { book, clock, set, written } = setClock();
  book.grant(draft('api.test', { forMs: 10 * MINUTE }), DECIDING);
  book.pause({ client: null, mode: 'report', forMs: 10 * MINUTE }, DECIDING);
  clock.pass(2 * MINUTE);
  set(-HOUR);
  clock.pass(MINUTE);
  const left = (book.grants[0]?.expires ?? 0) - (clock.now() - HOUR);
  assert.equal(left, 7 * MINUTE);
  assert.equal(written.at(-1)?.grants[0]?.expires, book.grants[0]?.expires);
  clock.pass(7 * MINUTE - 1000);
  assert.deepEqual([book.grants.length, book.pauses.length], [1, 1]);
  clock.pass(2000);
  assert.deepEqual([book.grants.length, book.pauses.length], [0, 0]);
});

test('a clock that is set forward ends no block and no pause before its time, but a permission', () => {
  const { book, clock, set } = setClock();
  book.grant(draft('evil.test', { effect: 'block', forMs: HOUR }), DECIDING);
  book.grant(draft('api.test', { forMs: HOUR }), DECIDING);
  book.pause({ client: 'github', mode: 'refuse', forMs: HOUR }, DECIDING);
  set(8 * HOUR);
  clock.pass(1000);
  assert.deepEqual(
    book.grants.map(({ effect }) => effect),
    ['block'],
  );
  assert.equal(book.pauses.length, 1);
  clock.pass(HOUR - 2000);
  assert.deepEqual([book.grants.length, book.pauses.length], [1, 1]);
  clock.pass(2000);
  assert.deepEqual([book.grants.length, book.pauses.length], [0, 0]);
});

test('a small correction, and time that passes as it should, changes and writes nothing', () => {
  const { book, clock, set, written } = setClock();
  book.grant(draft('api.test', { forMs: 10 * MINUTE }), DECIDING);
  const [{ expires } = { expires: null }] = book.grants;
  set(900);
  clock.pass(5 * MINUTE);
  set(-900);
  clock.pass(MINUTE);
  assert.equal(book.grants[0]?.expires, expires);
  assert.equal(written.length, 1);
});

test('after a start nothing lasts longer than it was made for, even if the clock was set back before', () => {
  const { book, clock, written } = setClock();
  book.grant(draft('api.test', { forMs: 10 * MINUTE }), DECIDING);
  const kept = written.at(-1) ?? assert.fail();
  const later = new FakeClock();
  const before = later.now() - clock.now() - 24 * HOUR;
  const again = new Book({
    kept,
    clock: { now: () => later.now() + before, steady: () => later.now(), after: (ms, then) => later.after(ms, then) },
    write: () => undefined,
    onChange: () => undefined,
    onUnwritable: () => undefined,
  });
  assert.equal(again.grants.length, 1);
  later.pass(10 * MINUTE + 1000);
  assert.equal(again.grants.length, 0);
});
