import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createQueryTurns, type Query } from '../../proxy/net/query-turns.js';

/** Queries by what they are called; each runs until it is ended. */
function stand(options = { most: 8, mostOfZone: 4, mostWaiting: 5 }) {
  const turns = createQueryTurns(options);
  const running: string[] = [];
  const ends = new Map<string, () => void>();
  const over = new Set<string>();
  const query = (id: string, zone: string): Query => ({
    zone,
    get isOver() {
      return over.has(id);
    },
    run() {
      running.push(id);
      over.add(id);
      return new Promise((resolve) => ends.set(id, resolve));
    },
  });
  return {
    turns,
    running,
    over,
    query,
    ask: (asker: string, id: string, zone = id): void => turns.enter(query(id, zone), asker),
    async end(id: string) {
      running.splice(running.indexOf(id), 1);
      ends.get(id)?.();
      await setImmediate();
    },
  };
}

test('one asker takes half of the turns, and the next one half of the rest', () => {
  const { ask, running } = stand();
  for (let i = 0; i < 8; i++) ask('a', `a${i}`);
  assert.deepEqual(running, ['a0', 'a1', 'a2', 'a3']);
  for (let i = 0; i < 8; i++) ask('b', `b${i}`);
  assert.deepEqual(running.slice(4), ['b0', 'b1']);
  ask('c', 'c0');
  assert.deepEqual(running.slice(6), ['c0']);
});

test('a turn that comes free goes to who has the fewest under way, in the order of asking', async () => {
  const { ask, running, end } = stand({ most: 4, mostOfZone: 4, mostWaiting: 9 });
  for (let i = 0; i < 5; i++) ask('a', `a${i}`);
  for (let i = 0; i < 5; i++) ask('b', `b${i}`);
  ask('c', 'c0');
  ask('d', 'd0');
  assert.deepEqual(running, ['a0', 'a1', 'b0', 'c0']);
  await end('a0');
  assert.deepEqual(running, ['a1', 'b0', 'c0', 'd0']);
  await end('d0');
  assert.deepEqual(running, ['a1', 'b0', 'c0'], 'one is kept for who comes next');
});

test('a zone has turns of its own: other zones of the same asker go on', async () => {
  const { ask, running, end } = stand();
  for (let i = 0; i < 4; i++) ask('a', `slow${i}`, 'slow');
  ask('a', 'quick');
  assert.deepEqual(running, ['slow0', 'slow1', 'quick']);
  ask('b', 'b-slow', 'slow');
  assert.deepEqual(running.slice(3), ['b-slow']);
  await end('slow0');
  assert.ok(running.includes('slow2'));
});

test('a query that nobody waits for any more is skipped', async () => {
  const { ask, running, over, end } = stand({ most: 2, mostOfZone: 4, mostWaiting: 9 });
  for (const id of ['first', 'gone', 'last']) ask('a', id);
  over.add('gone');
  await end('first');
  assert.deepEqual(running, ['last']);
});

test('a query that two ask for runs once, with the first turn', async () => {
  const { turns, query, ask, running, end } = stand({ most: 4, mostOfZone: 4, mostWaiting: 9 });
  ask('a', 'a0');
  ask('a', 'a1');
  const shared = query('shared', 'zone');
  turns.enter(shared, 'a');
  assert.ok(!running.includes('shared'));
  turns.enter(shared, 'b');
  assert.ok(running.includes('shared'));
  await end('a0');
  assert.equal(running.filter((id) => id === 'shared').length, 1);
});

test('the number of queries that wait for one client is bounded', () => {
  const { turns, ask } = stand();
  for (let i = 0; i < 9; i++) ask('a', `a${i}`);
  assert.equal(turns.hasRoom('a'), false);
  assert.equal(turns.hasRoom('b'), true);
});

test('a query that ends leaves nothing behind, and hostile numbers of askers still get turns', async () => {
  const { ask, running, end } = stand({ most: 8, mostOfZone: 4, mostWaiting: 5 });
  for (let i = 0; i < 100; i++) ask(`asker${i}`, `q${i}`);
  const seen = new Set<string>();
  while (running.length > 0) {
    const [id = ''] = running;
    seen.add(id);
    await end(id);
  }
  assert.equal(seen.size, 100);
});
