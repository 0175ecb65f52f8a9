/**
 * Metrics of requests by outcome, by rule and by client. Counted in plain maps and handed to the registry when it is read, so
 * that no record costs a hash of its labels.
 */
import { Counter, type Registry } from 'prom-client';
import { REASONS, type Reason } from '../core/reasons.js';
import { sectionOf } from '../core/rule.js';
import { type DecisionRecord, DOORS } from './record.js';

/** Reasons that alerts look for. Their series exist from the start, or the first request would not be an increase. */
export const WATCHED_REASONS = [
  'metadata-address',
  'own-listener',
  'busy',
  'client-unauthenticated',
] as const satisfies readonly Reason[];

/** The label of all clients that the configuration does not name. Tools can choose names and addresses, without end. */
const UNNAMED = '(unnamed)';
/** The most rows of rules, and of clients, since each reload may bring new names. */
const MOST_ROWS = 1000;

/** `clients`: the names in the configuration in force. */
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

type Row = { readonly values: readonly string[]; count: number };

/** The function returned adds to the row of its label values, given in the order of `labelNames`. */
function rowsOf(registry: Registry, { name, help, labelNames }: RowOptions) {
  const rows: Row[] = [];
  // Looked up by one value after the other, because joining them would make a new string for each record.
  const found = new Map<string, Map<string, Map<string, Row>>>();
  const counter = new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      counter.reset();
      for (const { values, count } of rows) counter.labels(...values).inc(count);
    },
  });
  return (count: number, first: string, second: string, third = ''): void => {
    const row = found.get(first)?.get(second)?.get(third);
    if (row !== undefined) row.count += count;
    if (row !== undefined || rows.length === MOST_ROWS) return;
    const added = { values: [first, second, third].slice(0, labelNames.length), count };
    const ofFirst = found.get(first) ?? new Map<string, Map<string, Row>>();
    const ofSecond = ofFirst.get(second) ?? new Map<string, Row>();
    rows.push(added);
    found.set(first, ofFirst.set(second, ofSecond.set(third, added)));
  };
}
