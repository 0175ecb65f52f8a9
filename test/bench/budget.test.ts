import assert from 'node:assert/strict';
import { test } from 'node:test';
import { againstBudget, readBudget } from './budget.js';
import { contenders } from './contenders.js';
import type { Cell } from './results.js';
import { workloads } from './workloads.js';

test('every row of the budget is a workload, and a contender that can do it', () => {
  for (const [name, { against }] of Object.entries(readBudget())) {
    const workload = workloads(true).find((one) => one.name === name);
    const contender = contenders().find((one) => one.name === against);
    assert.ok(workload !== undefined, name);
    assert.ok(contender?.abilities.includes(workload.needs), `${name}: ${against}`);
  }
});

const cell = (median: number | null, errors = 0): Cell => ({ median, low: median, high: median, note: '', errors });

const HELD: readonly (readonly [what: string, ours: Cell | null, bare: Cell | null, holds: boolean])[] = [
  ['at the limit', cell(150), cell(100), true],
  ['over it', cell(151), cell(100), false],
  ['with errors', cell(100, 1), cell(100), false],
  ['with errors of the other', cell(100), cell(100, 1), false],
  ['without a figure', cell(null), cell(100), false],
  ['not measured', null, cell(100), false],
  ['with nothing to compare to', cell(100), null, false],
];

for (const [what, ours, bare, holds] of HELD) {
  test(`a budget ${holds ? 'holds' : 'does not hold'} ${what}`, () => {
    const row = { ...(ours && { ours }), ...(bare && { bare }) };
    const [outcome] = againstBudget({ get: { against: 'bare', most: 1.5 } }, { get: row });
    assert.equal(outcome?.holds, holds);
  });
}
