/** Suggested rules as the lists of a configuration: YAML lines, with counts and warnings as comments. */
import { escapeText } from '../observe/json-line.js';
import { draftLine } from './rule-draft.js';
import type { SuggestedRule } from './suggested-rules.js';
import type { Tally } from './tally.js';

/** Lines without indentation; a line of `allow` that begins with `#` is a comment. Nothing of `internal` may be active. */
export interface Lists {
  readonly allow: readonly string[];
  readonly internal: readonly string[];
}

export function listsOf(rules: readonly SuggestedRule[]): Lists {
  const groups = [...new Set(rules.map(({ client }) => client))].map((client) =>
    rules.filter((rule) => rule.client === client),
  );
  return { allow: groups.flatMap(allowLines), internal: groups.flatMap(internalLines) };
}

/** What the lists themselves cannot say, as lines of a comment. */
export function remarks({ records, from, to, leftOut }: Tally): string[] {
  const left = [...leftOut].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, count]) => `${reason} ${count}`);
  return [
    `# Suggested by egress-proxy suggest from ${plural(records, 'decision')}${from === null ? '' : `, ${from} to ${to}`}.`,
    '# Read it before you use it: it allows what was seen, and a tool that misbehaves was seen, too.',
    ...(left.length === 0 ? [] : [`# Left out, since no rule opens it or it led nowhere: ${left.join(', ')}.`]),
  ];
}

function allowLines(group: readonly SuggestedRule[]): string[] {
  const open = group.filter(({ state }) => state === 'active');
  const refused = group.filter(({ state }) => state === 'refused');
  return [
    ...heading([...open, ...refused]),
    ...open.map(lineOf),
    ...(refused.length === 0 ? [] : ['# refused when it was seen; uncomment what it should reach:']),
    ...refused.map((rule) => `# ${lineOf(rule)}`),
  ];
}

function internalLines(group: readonly SuggestedRule[]): string[] {
  const internal = group.filter(({ state }) => state === 'private');
  return [...heading(internal), ...internal.map(lineOf)];
}

function lineOf({ draft, requests, names }: SuggestedRule): string {
  const seen = names > 1 ? `${names} names, ${plural(requests, 'request')}` : plural(requests, 'request');
  return `${draftLine(draft)} # ${seen}`;
}

/** Who asked, and how often; empty if there are no rules. */
function heading(rules: readonly SuggestedRule[]): string[] {
  const total = rules.reduce((sum, { requests }) => sum + requests, 0);
  return rules.slice(0, 1).map(({ client }) => `# ${escapeText(client)}: ${plural(total, 'request')}`);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
