/**
 * Requests by what came of them, by rule and by client. Counted in plain maps, and handed to the registry when it is
 * read: a record must not cost a hash of its labels.
 */
import { Counter, type Registry } from 'prom-client';
import { REASONS, type Reason } from '../core/reasons.js';
import { sectionOf } from '../core/rule-id.js';
import { type DecisionRecord, DOORS } from './record.js';

/** Reasons that alerts wait for: their series exist from the start, or the first request would be no increase. */
export const WATCHED_REASONS = [
  'metadata-address',
  'own-listener',
  'busy',
  'client-unauthenticated',
] as const satisfies readonly Reason[];

/** The label of clients that no configuration names: tools choose their names and addresses, and so their number. */
const UNNAMED = '(unnamed)';
/** Rows of rules and of clients: a reload may name them anew, so there is an end to it. */
const MOST_ROWS = 1000;

/** `clients`: the names that the configuration in force has. */
export function countRequests(
  registry: Registry,
  clients: () => ReadonlySet<string>,
): (record: DecisionRecord) => void {
  const requests = rowsOf(registry, {
    name: 'egress_requests_total',
    help: 'Requests by outcome, reason ("none" if there is none) and door.',
    labelNames: ['outcome', 'reason', 'door'],
  });
  const rules = rowsOf(registry, {
    name: 'egress_rule_decisions_total',
    help: 'Requests that a rule of the configuration decided, by its name or position and by outcome.',
    labelNames: ['rule', 'outcome'],
  });
  const ofClients = rowsOf(registry, {
    name: 'egress_client_requests_total',
    help: `Requests by client of the configuration ("${UNNAMED}" for all others) and outcome.`,
    labelNames: ['client', 'outcome'],
  });
  for (const reason of WATCHED_REASONS) {
    for (const door of DOORS) requests(0, REASONS[reason].outcome, reason, door);
  }
  return ({ outcome, reason, door, rule, client }) => {
    requests(1, outcome, reason ?? 'none', door);
    if (rule !== null && sectionOf(rule) !== null) rules(1, rule, outcome);
    ofClients(1, client.name !== null && clients().has(client.name) ? client.name : UNNAMED, outcome);
  };
}

interface RowOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** Adds to the row of these label values, in the order of `labelNames`. */
function rowsOf(registry: Registry, { name, help, labelNames }: RowOptions) {
  const rows = new Map<string, { readonly values: readonly string[]; count: number }>();
  const counter = new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      counter.reset();
      for (const { values, count } of rows.values()) counter.labels(...values).inc(count);
    },
  });
  return (count: number, first: string, second: string, third?: string): void => {
    const key = third === undefined ? `${first} ${second}` : `${first} ${second} ${third}`;
    const row = rows.get(key);
    if (row !== undefined) row.count += count;
    else if (rows.size < MOST_ROWS)
      rows.set(key, { values: third === undefined ? [first, second] : [first, second, third], count });
  };
}
