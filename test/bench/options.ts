/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { readBudget } from './budget.js';

export interface Options {
  readonly smoke: boolean;
  /** Only what budget.json names, which has to hold. */
  readonly check: boolean;
  readonly repeats: number;
  /** Paths or major versions of the Node that runs the Node proxies, one run for each; null: this one. */
  readonly nodes: readonly (string | null)[];
  readonly compare: string | null;
  readonly json: string | null;
  /** Empty: all. */
  readonly workloads: readonly string[];
  readonly contenders: readonly string[];
}

/** Enough to see that all parts work: what every checkout can build and run, without Debian's packages. */
const SMOKE: readonly string[] = ['direct', 'c-relay', 'node-pipe', 'undici', 'ours'];

/** What a whole run measures on: the long-term releases that are in use. */
const NODES: readonly string[] = ['24', '26'];

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      smoke: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      repeats: { type: 'string' },
      node: { type: 'string', multiple: true },
      compare: { type: 'string' },
      json: { type: 'string' },
      workload: { type: 'string', multiple: true, default: [] },
      contender: { type: 'string', multiple: true, default: [] },
    },
  });
  const budget = values.check ? readBudget() : {};
  const measured = values.check ? ['ours', ...Object.values(budget).map(({ against }) => against)] : [];
  const byDefault = values.check ? measured : values.smoke ? SMOKE : [];
  const contenders = values.contender.length === 0 ? byDefault : values.contender;
  const repeats = Number(values.repeats ?? (values.smoke ? 1 : 5));
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error(`--repeats: ${values.repeats} is not a count`);
  return {
    smoke: values.smoke,
    check: values.check,
    repeats,
    nodes: values.node ?? (values.check || values.smoke ? [null] : NODES),
    compare: values.compare ?? null,
    json: values.json ?? null,
    workloads: values.workload.length === 0 ? Object.keys(budget) : values.workload,
    contenders,
  };
}
