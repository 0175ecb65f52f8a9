/** Turns a tally into rules: for whom, how often they were needed, and which of them a person has to decide on. */
import { foldHosts } from './fold.js';
import type { RuleDraft } from './rule-draft.js';
import type { ClientTally, Tally, Wanted } from './tally.js';

/**
 * `active`: in force as soon as the suggestion is used. `refused`: for a request that was refused. `private`: opens a private
 * destination. The last two come into force only when a person uncomments them.
 */
export type RuleState = 'active' | 'refused' | 'private';

export interface SuggestedRule {
  readonly draft: RuleDraft;
  readonly state: RuleState;
  /** Who asked for it, as the log names them; `draft.clients` says to whom the rule is limited. */
  readonly client: string;
  readonly requests: number;
  /** How many of the names that were seen the pattern stands for; 1 for anything but a pattern. */
  readonly names: number;
}

/** Grouped by client, and for each client in the order active, refused, private. */
export function suggestedRules({ clients, refused }: Tally): SuggestedRule[] {
  return [...clients.values()].flatMap((group) => rulesOf(group, refused));
}

function rulesOf({ client, wanted }: ClientTally, refused: ReadonlySet<string>): SuggestedRule[] {
  const of = (state: RuleState, apart: ReadonlySet<string> | null): SuggestedRule[] =>
    merge(
      [...wanted.values()].filter((one) => stateOf(one) === state),
      apart,
    ).map((merged) => ({ ...merged, state, client }));
  // No patterns here: a person should uncomment only names that were seen.
  return [...of('active', refused), ...of('refused', null), ...of('private', null)];
}

function stateOf({ draft, isOpen }: Wanted): RuleState {
  if (draft.section === 'internal') return 'private';
  return isOpen ? 'active' : 'refused';
}

type Merged = Pick<SuggestedRule, 'draft' | 'requests' | 'names'>;

/** Ports of one destination become one rule, names under one suffix and port one pattern; `apart` null: no patterns. */
function merge(wanted: readonly Wanted[], apart: ReadonlySet<string> | null): Merged[] {
  const byPlace = new Map<string, { draft: RuleDraft; ports: Set<number>; count: number; names: Set<string> }>();
  for (const port of new Set(wanted.flatMap(({ draft }) => draft.ports ?? []))) {
    const same = wanted.filter(({ draft }) => draft.ports?.includes(port));
    for (const { draft, count, names } of apart === null ? same.map(alone) : folded(same, apart)) {
      const key = `${draft.host} ${draft.address}`;
      const row = byPlace.get(key) ?? { draft, ports: new Set(), count: 0, names: new Set() };
      byPlace.set(key, row);
      row.ports.add(port);
      row.count += count;
      for (const name of names) row.names.add(name);
    }
  }
  return [...byPlace.values()].map(({ draft, ports, count, names }) => ({
    draft: { ...draft, ports: [...ports].sort((a, b) => a - b) },
    requests: count,
    names: Math.max(1, names.size),
  }));
}

interface Pattern {
  readonly draft: RuleDraft;
  readonly count: number;
  readonly names: readonly string[];
}

function alone({ draft, count }: Wanted): Pattern {
  return { draft, count, names: [] };
}

function folded(wanted: readonly Wanted[], apart: ReadonlySet<string>): Pattern[] {
  const hosts = wanted.flatMap(({ draft }) => draft.host ?? []);
  const patterns = foldHosts(hosts, apart).flatMap(({ pattern, names }) => {
    const below = wanted.filter(({ draft }) => draft.host !== null && names.includes(draft.host));
    return below[0] === undefined ? [] : [{ draft: { ...below[0].draft, host: pattern }, count: sum(below), names }];
  });
  return [...patterns, ...wanted.filter(({ draft }) => draft.host === null).map(alone)];
}

function sum(wanted: readonly Wanted[]): number {
  return wanted.reduce((total, { count }) => total + count, 0);
}
