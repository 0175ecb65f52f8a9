import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenSet } from '../../proxy/net/open-set.js';

test('what was added and not deleted is there, in whatever order it came and went', () => {
  const set = new OpenSet<{ readonly name: string }>();
  const names = (): string[] => [...set].map(({ name }) => name).sort();
  const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  const places = [set.add(a), set.add(b)];
  set.delete(places[0] ?? -1, a);
  assert.deepEqual([names(), set.size], [['b'], 1]);
  set.add(c);
  assert.deepEqual([names(), set.size], [['b', 'c'], 2]);
});

test('a place that was given to another one is not emptied by the one before', () => {
  const set = new OpenSet<{ readonly name: string }>();
  const [a, b] = [{ name: 'a' }, { name: 'b' }];
  const place = set.add(a);
  set.delete(place, a);
  assert.equal(set.add(b), place);
  set.delete(place, a);
  assert.deepEqual([...set], [b]);
  assert.equal(set.size, 1);
});

test('what is deleted while the set is walked through is not met any more', () => {
  const set = new OpenSet<{ readonly name: string }>();
  const all = ['a', 'b', 'c'].map((name) => ({ name }));
  const places = all.map((one) => set.add(one));
  const met: string[] = [];
  for (const { name } of set) {
    met.push(name);
    all.forEach((one, i) => {
      if (one.name !== name) set.delete(places[i] ?? -1, one);
    });
  }
  assert.deepEqual(met, ['a']);
});
