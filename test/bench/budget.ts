/** What a unit of work may cost: ratios to bare Node in the same run, kept in budget.json and held by `--check`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Results } from './results.js';
import type { Outcome } from './targets.js';
import { repository } from './toolchain.js';

const BUDGET = z.record(z.string(), z.strictObject({ against: z.string(), most: z.number().positive() }));

/** By workload: the contender that the ratio is to, and the most that it may be. */
export type Budget = z.infer<typeof BUDGET>;

export function readBudget(): Budget {
  return BUDGET.parse(JSON.parse(readFileSync(join(repository, 'test', 'bench', 'budget.json'), 'utf8')));
}

/** Medians of `results`; what was not measured, or had errors, does not hold. */
export function againstBudget(budget: Budget, results: Results): readonly Outcome[] {
  return Object.entries(budget).map(([workload, { against, most }]) => {
    const ours = results[workload]?.ours;
    const bare = results[workload]?.[against];
    const isWhole = ours?.errors === 0 && bare?.errors === 0;
    const actual = isWhole && ours.median !== null && bare.median ? ours.median / bare.median : null;
    const holds = actual !== null && actual <= most;
    return { workload, text: `${workload} : ${against}`, actual, limit: most, holds };
  });
}
