/** How long and from which seed the fuzzers run: `FUZZ_SECONDS` (5, for all of them together) and `FUZZ_SEED`. */
import { randomInt } from 'node:crypto';
import type { Parameters } from 'fast-check';

/** Files that fuzz: each one gets its share of the time. */
const FUZZERS = 4;

/** Runs until the time is up; fast-check prints seed and path of a failure, `seed` says how to run it again. */
export function fuzzSettings(): { readonly parameters: Parameters<unknown>; readonly note: string } {
  const seconds = Number(process.env.FUZZ_SECONDS ?? '5');
  const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31 - 1));
  if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('FUZZ_SECONDS and FUZZ_SEED are numbers');
  return {
    parameters: {
      seed,
      numRuns: 1_000_000_000,
      interruptAfterTimeLimit: (seconds * 1000) / FUZZERS,
      markInterruptAsFailure: false,
      includeErrorInReport: true,
    },
    note: `FUZZ_SEED=${seed} FUZZ_SECONDS=${seconds}`,
  };
}
