/** A tally as the lists of a configuration: YAML lines, with counts and warnings as comments. */

import { escapeText } from '../observe/json-line.js';
import { foldHosts } from './fold.js';
import { draftLine, type RuleDraft } from './rule-draft.js';
import type { ClientTally, Tally, Wanted } from './tally.js';

/** Lines without indentation; a line of `allow` that begins with `#` is a comment. Nothing of `internal` may be active. */
export interface Lists {
  readonly allow: readonly string[];
  readonly internal: readonly string[];
}

export function listsOf({ clients, refused }: Tally): Lists {
  const groups = [...clients.values()];
  return {
    allow: groups.flatMap((group) => allowLines(group, refused)),
    internal: groups.flatMap((group) => internalLines(group)),
  };
}

/** What the lists cannot say, as lines of a comment. */
export function remarks({ records, from, to, leftOut }: Tally): string[] {
  const left = [...leftOut].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, count]) => `${reason} ${count}`);
  return [
    `# Suggested by egress-proxy suggest from ${plural(records, 'decision')}${from === null ? '' : `, ${from} to ${to}`}.`,
    '# Read it before you use it: it allows what was seen, and a tool that misbehaves was seen, too.',
    ...(left.length === 0 ? [] : [`# Left out, since no rule opens it or it led nowhere: ${left.join(', ')}.`]),
  ];
}

function allowLines({ client, wanted }: ClientTally, refused: ReadonlySet<string>): string[] {
  const allow = [...wanted.values()].filter(({ draft }) => draft.section === 'allow');
  if (allow.length === 0) return [];
  const open = merge(
    allow.filter(({ isOpen }) => isOpen),
    refused,
  ).map(lineOf);
  const closed = merge(
    allow.filter(({ isOpen }) => !isOpen),
    null,
  ).map((rule) => `# ${lineOf(rule)}`);
  return [
    heading(client, allow),
    ...open,
    ...(closed.length === 0 ? [] : ['# refused when it was seen; uncomment what it should reach:', ...closed]),
  ];
}

function internalLines({ client, wanted }: ClientTally): string[] {
  const internal = [...wanted.values()].filter(({ draft }) => draft.section === 'internal');
  if (internal.length === 0) return [];
  return [heading(client, internal), ...merge(internal, null).map(lineOf)];
}

interface Merged {
  readonly draft: RuleDraft;
  readonly count: number;
  /** How many names a pattern stands for. */
  readonly names: number;
}

/** Ports of one destination in one rule, and names under one suffix and port in one pattern; `apart` null: no patterns. */
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
    count,
    names: names.size,
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

function lineOf({ draft, count, names }: Merged): string {
  const seen = names > 1 ? `${names} names, ${plural(count, 'request')}` : plural(count, 'request');
  return `${draftLine(draft)} # ${seen}`;
}

function heading(client: string, wanted: readonly Wanted[]): string {
  return `# ${escapeText(client)}: ${plural(sum(wanted), 'request')}`;
}

function sum(wanted: readonly Wanted[]): number {
  return wanted.reduce((total, { count }) => total + count, 0);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
