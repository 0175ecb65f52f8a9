/** What a reload has changed, in words. */
import type { PolicyView, RuleView } from './policy-view.js';

/** The last attempt to bring a changed configuration into force. */
export interface ReloadState {
  /** ISO 8601. */
  readonly at: string;
  readonly ok: boolean;
  /** Why it is not in force; empty if it is. */
  readonly errors: readonly string[];
  /** What differs from the policy before; empty if nothing does. */
  readonly changes: readonly string[];
}

const KEYS = ['mode', 'default', 'sni', 'requires', 'showAddresses'] as const;
const SECTIONS = ['deny', 'internal', 'allow'] as const;

/** One line for each key, rule and client that differs. */
export function changesBetween(before: PolicyView, after: PolicyView): string[] {
  const keys = KEYS.filter((key) => before[key] !== after[key]);
  return [
    ...keys.map((key) => `policy.${key === 'requires' ? 'clients' : key}: ${before[key]}, now ${after[key]}`),
    ...SECTIONS.flatMap((section) => ruleChanges(section, before[section], after[section])),
    ...(['nat64', 'private'] as const).flatMap((key) => rangeChanges(key, before[key], after[key])),
    ...clientChanges(before, after),
    ...notifyChange(before.notify, after.notify),
  ];
}

function notifyChange(had: PolicyView['notify'] = null, has: PolicyView['notify'] = null): string[] {
  if (JSON.stringify(had) === JSON.stringify(has)) return [];
  return [has === null ? 'notify: no receiver any more' : `notify: ${has.events.join(', ')} to ${has.to}`];
}

function rangeChanges(key: string, had: readonly string[], has: readonly string[]): string[] {
  return [
    ...has.filter((text) => !had.includes(text)).map((text) => `policy.${key}: added ${text}`),
    ...had.filter((text) => !has.includes(text)).map((text) => `policy.${key}: removed ${text}`),
  ];
}

function ruleChanges(section: string, before: readonly RuleView[], after: readonly RuleView[]): string[] {
  const had = before.map(ruleText);
  const has = after.map(ruleText);
  const added = has.filter((text) => !had.includes(text)).map((text) => `policy.${section}: added ${text}`);
  const removed = had.filter((text) => !has.includes(text)).map((text) => `policy.${section}: removed ${text}`);
  const isReordered = added.length === 0 && removed.length === 0 && had.join('\n') !== has.join('\n');
  return [...added, ...removed, ...(isReordered ? [`policy.${section}: the order changed`] : [])];
}

function ruleText({ id, host, address, ports, clients }: RuleView): string {
  const name = /^\w+:/.test(id) ? `${id.slice(id.indexOf(':') + 1)}: ` : '';
  const where = [host, address].filter((text) => text !== null).join(' at ') || 'any destination';
  const at = ports === null ? '' : `, ports ${ports.join(', ')}`;
  const who = clients === null ? '' : `, clients ${clients.join(', ')}`;
  return `${name}${where}${at}${who}`;
}

function clientChanges(before: PolicyView, after: PolicyView): string[] {
  const had = new Map(before.clients.map((client) => [client.name, JSON.stringify(client)]));
  const has = new Map(after.clients.map((client) => [client.name, JSON.stringify(client)]));
  return [
    ...[...has.keys()].filter((name) => !had.has(name)).map((name) => `clients: added ${name}`),
    ...[...had.keys()].filter((name) => !has.has(name)).map((name) => `clients: removed ${name}`),
    ...[...has]
      .filter(([name, text]) => had.has(name) && had.get(name) !== text)
      .map(([name]) => `clients: ${name} changed`),
  ];
}
