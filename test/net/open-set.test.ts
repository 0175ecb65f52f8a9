import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenSet, type Placed } from '../../proxy/net/open-set.js';

class Named implements Placed<Named> {
  readonly name: string;
  before: Named | null = null;
  behind: Named | null = null;

  constructor(name: string) {
    this.name = name;
  }
}

const namesOf = (set: OpenSet<Named>): string => [...set].map(({ name }) => name).join('');

test('what was added and not deleted is there, in the order in which it came, in whatever order the rest went', () => {
  for (const leaving of ['a', 'b', 'c', 'd', 'ad', 'da', 'bc', 'cb', 'abc', 'cba', 'dcba', 'badc']) {
    const set = new OpenSet<Named>();
    const all = ['a', 'b', 'c', 'd'].map((name) => new Named(name));
    for (const one of all) assert.equal(set.add(one), true);
    for (const name of leaving) {
      const one = all.find((other) => other.name === name);
      assert.equal(one !== undefined && set.delete(one), true);
    }
    const left = all.filter(({ name }) => !leaving.includes(name));
    assert.equal(namesOf(set), left.map(({ name }) => name).join(''));
    assert.deepEqual([set.all(), set.first, set.size], [left, left[0] ?? null, left.length]);
    const late = new Named('e');
    set.add(late);
    assert.deepEqual([set.all(), set.size], [[...left, late], left.length + 1]);
  }
});

test('what is in the set already keeps its place, and what was deleted is not deleted again', () => {
  const set = new OpenSet<Named>();
  const [a, b] = [new Named('a'), new Named('b')];
  assert.equal(set.add(a), true);
  assert.equal(set.add(a), false);
  set.add(b);
  assert.deepEqual([set.add(a), set.add(b), namesOf(set)], [false, false, 'ab']);
  assert.deepEqual([set.delete(a), set.delete(a), namesOf(set), set.size], [true, false, 'b', 1]);
  assert.deepEqual([set.add(a), namesOf(set), set.size], [true, 'ba', 2]);
});

test('what is deleted holds none of the others', () => {
  const set = new OpenSet<Named>();
  const all = ['a', 'b', 'c'].map((name) => new Named(name));
  for (const one of all) set.add(one);
  for (const one of all) {
    set.delete(one);
    assert.deepEqual([one.before, one.behind], [null, null]);
  }
  assert.deepEqual([set.first, set.size], [null, 0]);
});

test('what is deleted while the set is walked through is not met any more, nor is what is added', () => {
  const set = new OpenSet<Named>();
  const all = ['a', 'b', 'c'].map((name) => new Named(name));
  for (const one of all) set.add(one);
  const met: string[] = [];
  for (const { name } of set) {
    met.push(name);
    for (const one of all) if (one.name !== name) set.delete(one);
    set.add(new Named('d'));
  }
  assert.deepEqual(met, ['a']);
});
