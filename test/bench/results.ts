/** What a run has measured. */

export interface Cell {
  readonly median: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly note: string;
  readonly errors: number;
}

/** By workload, then by contender. */
export type Results = Record<string, Record<string, Cell>>;
