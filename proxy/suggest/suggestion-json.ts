/** A suggestion for programs. The shape is part of the interface: docs/interface.md. */
import { escapeInvisible } from '../observe/json-line.js';
import type { SuggestedRule } from './suggested-rules.js';
import type { Tally } from './tally.js';

/** One object, indented, with a line end. `configuration`: the same suggestion as a file. */
export function suggestionJson(sum: Tally, rules: readonly SuggestedRule[], configuration: string): string {
  const leftOut = [...sum.leftOut].sort(([a], [b]) => (a < b ? -1 : 1));
  const suggestion = {
    decisions: sum.records,
    from: sum.from,
    to: sum.to,
    rules: rules.map(ruleOf),
    leftOut: leftOut.map(([reason, decisions]) => ({ reason, decisions })),
    configuration,
  };
  // Names of clients are whatever a log says, and none may control the terminal of whoever looks at this.
  return `${escapeInvisible(JSON.stringify(suggestion, null, 2))}\n`;
}

function ruleOf({ draft, state, client, requests, names }: SuggestedRule) {
  const { section, host, address, ports, clients } = draft;
  return { section, state, host, address, ports, clients, client, requests, names };
}
