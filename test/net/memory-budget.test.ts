import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Claim, createMemoryBudget, SHARES } from '../../proxy/net/memory-budget.js';

const MIB = 2 ** 20;

/** A budget whose share `early` is 8 MiB, and claims on it that say when they are refused. */
function stand() {
  const refused: string[] = [];
  const budget = createMemoryBudget({ settings: { limits: { memoryBytes: 64 * MIB } } });
  return {
    refused,
    budget,
    claim: (owner: string, name = owner): Claim => budget.claim('early', owner, () => refused.push(name)),
  };
}

test('the shares add up to the whole budget', () => {
  assert.equal(
    Object.values(SHARES).reduce((sum, part) => sum + part, 0),
    1,
  );
});

test('what is held counts until it is given back, and within the share nothing is refused', () => {
  const { budget, claim, refused } = stand();
  const first = claim('a');
  first.hold(3 * MIB);
  claim('b').hold(5 * MIB);
  assert.equal(budget.used('early'), 8 * MIB);
  first.hold(MIB);
  first.hold(0);
  assert.equal(budget.used('early'), 5 * MIB);
  assert.deepEqual(refused, []);
});

test('over the share, the largest claim of the owner that holds most is refused, whoever asks', () => {
  const { budget, claim, refused } = stand();
  claim('greedy', 'small').hold(MIB);
  claim('greedy', 'large').hold(4 * MIB);
  claim('modest').hold(2 * MIB);
  claim('newcomer').hold(2 * MIB);
  assert.deepEqual(refused, ['large']);
  assert.equal(budget.used('early'), 5 * MIB);
  assert.equal(budget.refused('early'), 1);
});

test('among claims of one size the newest is refused', () => {
  const { claim, refused } = stand();
  for (let i = 0; i < 10; i++) claim('greedy', `${i}`).hold(MIB);
  assert.deepEqual(refused, ['8', '9']);
});

test('a refused claim holds nothing any more, whatever is added to it', () => {
  const { budget, claim, refused } = stand();
  const claimed = claim('greedy');
  claimed.hold(9 * MIB);
  claimed.hold(MIB);
  assert.deepEqual(refused, ['greedy']);
  assert.equal(budget.used('early'), 0);
});

test('many owners that hold little never cost one that holds less', () => {
  const { claim, refused } = stand();
  claim('victim').hold(1);
  for (let i = 0; i < 1000; i++) claim(`forged ${i}`).hold(16 * 1024);
  assert.equal(refused.includes('victim'), false);
  assert.equal(refused.length, 1000 - 511);
});
