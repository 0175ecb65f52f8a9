/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { readBudget } from './budget.js';

export interface Options {
  readonly smoke: boolean;
  /** Only what budget.json names, which has to hold. */
  readonly check: boolean;
  readonly repeats: number;
  /** A path or a major version for the Node that runs the Node proxies; null: this one. */
  readonly node: string | null;
  readonly compare: string | null;
  readonly json: string | null;
  /** Empty: all. */
  readonly workloads: readonly string[];
  readonly contenders: readonly string[];
}

/** Enough to see that all parts work: what every checkout can build and run, without Debian's packages. */
const SMOKE: readonly string[] = ['direct', 'c-relay', 'node-pipe', 'undici', 'ours'];

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      smoke: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      repeats: { type: 'string' },
      node: { type: 'string' },
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
    node: values.node ?? null,
    compare: values.compare ?? null,
    json: values.json ?? null,
    workloads: values.workload.length === 0 ? Object.keys(budget) : values.workload,
    contenders,
  };
}
