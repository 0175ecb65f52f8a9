/** The list of `watch` under the hand of somebody, while tools do what they can to put another row there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchList } from '../../proxy/cli/watch-list.js';

const NAMES = new Set(['github']);
const refused = (host: string, change: object = {}) => ({
  event: 'decision',
  id: host,
  outcome: 'deny',
  reason: 'host-denied',
  client: { name: 'github', address: '' },
  host,
  port: 443,
  ...change,
});
const question = (id: string, host: string, count = 1) => ({
  id,
  client: { name: 'github', address: '10.0.0.2' },
  grantClient: 'github',
  host,
  port: 443,
  count,
  from: 'f',
});

const chosenOf = (list: WatchList): string | null => list.chosen?.host ?? null;

test('a question that has ended leaves the list, and the rows beside it stay', () => {
  const list = new WatchList();
  list.add(question('q1', 'a.test'), NAMES);
  list.add(question('q2', 'b.test'), NAMES);
  list.add(refused('c.test'), NAMES);
  list.ended('q1');
  list.ended('unknown');
  assert.deepEqual(
    list.lines(10, 80).map((line) => /\S+\.test/.exec(line)?.[0]),
    ['b.test', 'c.test'],
  );
});

test('where the chosen row has gone none is chosen, until somebody chooses', () => {
  const list = new WatchList();
  list.add(question('q1', 'meant.test'), NAMES);
  list.add(question('q2', 'trap.test'), NAMES);
  list.ended('q1');
  assert.equal(chosenOf(list), null);
  list.add(refused('trap2.test'), NAMES);
  assert.equal(chosenOf(list), null, 'nor does a new one step into its place');
  assert.deepEqual(
    list.lines(10, 80).filter((line) => line.startsWith('>')),
    [],
  );
  list.move(-1);
  assert.equal(chosenOf(list), 'trap2.test');
});

test('a flood pushes out neither the chosen row nor a question', () => {
  const list = new WatchList();
  list.add(refused('meant.test'), NAMES);
  list.add(question('q1', 'asked.test'), NAMES);
  for (let i = 0; i < 1000; i++) list.add(refused(`h${i}.test`), NAMES);
  assert.equal(list.chosen?.host, 'meant.test');
  list.move(1);
  assert.equal(list.chosen?.host, 'asked.test');
  assert.equal(list.lines(1000, 80).length, 200);
});

test('what was decided here shows it, though the question that it answers has ended by then', () => {
  const list = new WatchList();
  list.add(question('q1', 'a.test'), NAMES);
  const row = list.chosen ?? assert.fail();
  list.ended('q1');
  list.decided(row, 'allow');
  assert.match(list.lines(10, 80).join('\n'), /allow github +a\.test:443 decided here/);
});

test('of a name that is too long the end is shown, which says whose it is', () => {
  const list = new WatchList();
  const long = `api.github.com.${'a'.repeat(60)}.${'b'.repeat(60)}.evil.test`;
  list.add(refused(long, { client: { name: 'c'.repeat(200), address: '' } }), NAMES);
  for (const width of [80, 60, 50]) {
    const [line = ''] = list.lines(10, width);
    assert.ok(line.length <= width, line);
    assert.match(line, /\.\.\.\S*evil\.test:443/);
    assert.doesNotMatch(line, /github\.com/);
  }
});

test('a name to look at twice is told in its row, and again before it is allowed', () => {
  const list = new WatchList();
  const warning = 'It looks like api.github.com, which is allowed, but is another name.';
  list.add({ ...question('q1', 'api.githuh.com'), warning }, NAMES);
  list.add(refused('api.gthub.com'), NAMES);
  assert.match(list.lines(10, 200).join('\n'), /api\.githuh\.com:443 not-yet-allowed It looks like/);
  const asked = list.chosen;
  list.move(1);
  const denied = list.chosen;
  assert.ok(asked !== null && denied !== null);
  assert.equal(list.warn(asked, warning), true);
  assert.equal(list.warn(asked, warning), false, 'the second time it is meant');
  assert.equal(list.warn(denied, warning), true, 'which says nothing of another row');
  assert.match(list.lines(10, 200).join('\n'), /api\.gthub\.com:443 host-denied It looks like/);
});
