import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedPolicy } from '../../proxy/config/compile.js';
import { parseHostPattern } from '../../proxy/core/target.js';
import { BookError, MOST_GRANTS } from '../../proxy/decide/book.js';
import { bookStand, DECIDING, draft } from './stand.js';

test('a grant for ten minutes is there until then, and ends within a second of its time', () => {
  const { book, clock, events } = bookStand();
  book.grant(draft('api.test', { forMs: 600_000 }), DECIDING);
  clock.pass(599_999);
  assert.equal(book.runTime().grants.length, 1);
  clock.pass(1000);
  assert.equal(book.runTime().grants.length, 0);
  assert.deepEqual(events, ['grant made api.test', 'grant ended api.test']);
});

test('a clock that was set forward ends what its time is over for', () => {
  const stand = bookStand();
  const skew = { ms: 0 };
  const { book } = bookStand({
    clock: { now: () => stand.clock.now() + skew.ms, after: (ms, then) => stand.clock.after(ms, then) },
  });
  book.grant(draft('api.test', { forMs: 3_600_000 }), DECIDING);
  skew.ms = 3_600_001;
  stand.clock.pass(1000);
  assert.equal(book.grants.length, 0);
});

test('a grant for one request is taken once, and not twice', () => {
  const { book, events } = bookStand();
  const { id } = book.grant(draft('api.test', { once: true }), DECIDING);
  assert.deepEqual([book.use(id), book.use(id)], [true, false]);
  assert.deepEqual(events, ['grant made api.test', 'grant used api.test']);
});

test('a grant for one request that nobody needs ends after an hour', () => {
  const { book, clock } = bookStand();
  book.grant(draft('api.test', { once: true }), DECIDING);
  clock.pass(3_601_000);
  assert.equal(book.grants.length, 0);
});

test('the same again takes the place of the grant before it', () => {
  const { book } = bookStand();
  book.grant(draft('api.test', { forMs: 1000 }), DECIDING);
  const later = book.grant(draft('api.test', { forMs: 60_000 }), DECIDING);
  assert.deepEqual(book.grants, [later]);
});

test('there is a most, and what is over it changes nothing', () => {
  const { book, written } = bookStand();
  for (let i = 0; i < MOST_GRANTS; i++) book.grant(draft(`h${i}.test`), DECIDING);
  const before = written.length;
  assert.throws(
    () => book.grant(draft('one-more.test'), DECIDING),
    (error) => error instanceof BookError && error.token === 'too-many',
  );
  assert.deepEqual([book.grants.length, written.length], [MOST_GRANTS, before]);
});

test('what cannot be kept is not granted; what ends, ends even then', () => {
  let isFull = false;
  const { book, clock, events } = bookStand({
    write: () => {
      if (isFull) throw new Error('no space');
    },
  });
  book.grant(draft('before.test', { forMs: 1000 }), DECIDING);
  isFull = true;
  assert.throws(
    () => book.grant(draft('after.test'), DECIDING),
    (error) => error instanceof BookError && error.token === 'state-unwritable',
  );
  assert.throws(() => book.pause({ client: 'a', mode: 'refuse', forMs: null }, DECIDING), BookError);
  assert.deepEqual([book.grants.length, book.pauses.length], [1, 0]);
  clock.pass(2000);
  assert.equal(book.grants.length, 0);
  assert.ok(events.includes('unwritable'));
});

test('a pause ends on time or by a word, and one of all leaves that of a client', () => {
  const { book, clock } = bookStand();
  book.pause({ client: 'slack', mode: 'refuse', forMs: null }, DECIDING);
  book.pause({ client: null, mode: 'report', forMs: 1000 }, DECIDING);
  assert.equal(book.resume('github').length, 0);
  clock.pass(2000);
  assert.deepEqual(
    book.pauses.map(({ client }) => client),
    ['slack'],
  );
  assert.equal(book.resume('slack').length, 1);
  assert.deepEqual(book.runTime(), { grants: [], pauses: [] });
});

test("a grant for always that the file has is the file's, and ends where the file drops it", () => {
  const { book, events } = bookStand();
  const rule = {
    id: 'allow[0]',
    host: parseHostPattern('api.test'),
    address: null,
    ports: null,
    clients: null,
  } as const;
  const always = book.grant(draft('api.test'), DECIDING);
  const short = book.grant(draft('api.test', { forMs: 60_000, ports: [443] }), DECIDING);
  book.settle(closedPolicy({ allow: [rule, { ...rule, ports: [{ from: 443, to: 443 }] }] }));
  assert.equal(book.find(always.id)?.inFile, true);
  assert.deepEqual(book.runTime().grants, [short], 'the file decides');
  book.settle(closedPolicy());
  assert.deepEqual(book.grants, [short]);
  assert.deepEqual(events.slice(2), ['grant in-file api.test', 'grant ended api.test']);
});
