/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { readBudget } from './budget.js';

export interface Options {
  readonly smoke: boolean;
  /** Only what budget.json names, which has to hold. */
  readonly check: boolean;
  /** Only the rows of the table in README.md, and who they are measured against; ends with that table. */
  readonly table: boolean;
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

const TABLE: Pick<Options, 'workloads' | 'contenders'> = {
  workloads: [
    'setup-address',
    'setup-name',
    'refused',
    'get',
    'latency',
    'idle-memory',
    'cold-start',
    'start-cpu',
    'idle-rss',
  ],
  contenders: ['node-pipe', 'undici', 'haproxy', 'squid', 'smokescreen', 'ours'],
};

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      smoke: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      repeats: { type: 'string' },
      node: { type: 'string', multiple: true },
      compare: { type: 'string' },
      json: { type: 'string' },
      workload: { type: 'string', multiple: true, default: [] },
      contender: { type: 'string', multiple: true, default: [] },
    },
  });
  const preset = presetOf(values);
  const repeats = Number(values.repeats ?? (values.smoke ? 1 : 5));
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error(`--repeats: ${values.repeats} is not a count`);
  return {
    smoke: values.smoke,
    check: values.check,
    table: values.table,
    repeats,
    nodes: values.node ?? (values.check || values.smoke ? [null] : NODES),
    compare: values.compare ?? null,
    json: values.json ?? null,
    workloads: values.workload.length === 0 ? preset.workloads : values.workload,
    contenders: values.contender.length === 0 ? preset.contenders : values.contender,
  };
}

function presetOf(values: { readonly [name in 'check' | 'table' | 'smoke']: boolean }): typeof TABLE {
  if (values.check) {
    const budget = readBudget();
    return {
      workloads: Object.keys(budget),
      contenders: ['ours', ...Object.values(budget).map(({ against }) => against)],
    };
  }
  if (values.table) return TABLE;
  return { workloads: [], contenders: values.smoke ? SMOKE : [] };
}
