/** How long and from which seed the fuzzers run: `FUZZ_SECONDS` (5, for all of them together) and `FUZZ_SEED`. */
import { randomInt } from 'node:crypto';
import fc from 'fast-check';

/** Files that fuzz: each one gets its share of the time. */
const FUZZERS = 4;
/** Runs that are always made to their end, however slow the machine is: fast-check takes a time limit without a run for a failure. */
const BATCH = 50;

export interface Fuzzer {
  /** Says how to run it again. */
  readonly note: string;
  /** Runs until the time is up; fast-check prints seed and path of a failure. */
  fuzz<Ts>(property: fc.IRawProperty<Ts>): Promise<void>;
}

export function fuzzer(): Fuzzer {
  const seconds = Number(process.env.FUZZ_SECONDS ?? '5');
  const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31 - 1));
  if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('FUZZ_SECONDS and FUZZ_SEED are numbers');
  return {
    note: `FUZZ_SEED=${seed} FUZZ_SECONDS=${seconds}`,
    async fuzz(property) {
      const end = performance.now() + (seconds * 1000) / FUZZERS;
      let batches = 0;
      do {
        await fc.assert(property, { seed: seed + batches, numRuns: BATCH, includeErrorInReport: true });
        batches += 1;
      } while (performance.now() < end);
    },
  };
}
