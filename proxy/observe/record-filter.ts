/** Which records a reader asks for; the same for the list, the stream and the page. */
import { hostPortText } from '../core/target.js';
import type { DecisionRecord } from './record.js';

/**
 * Null means any. `host` and `client` match as a whole and regardless of case, `*.suffix` matches all names below it; `text`
 * matches a part of client, host, address, reason or rule.
 */
export interface RecordFilter {
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly client: string | null;
  readonly host: string | null;
  readonly text: string | null;
}

export const NO_FILTER: RecordFilter = { outcome: null, reason: null, client: null, host: null, text: null };

export function matchesFilter(filter: RecordFilter, record: DecisionRecord): boolean {
  if (filter.outcome !== null && record.outcome !== filter.outcome) return false;
  if (filter.reason !== null && record.reason !== filter.reason) return false;
  if (filter.client !== null && !matchesText(filter.client, record.client.name ?? '', record.client.address)) {
    return false;
  }
  if (filter.host !== null && !matchesText(filter.host, record.host ?? '', record.dialed ?? '')) return false;
  return filter.text === null || contains(record, filter.text.toLowerCase());
}

function contains({ client, host, port, dialed, addresses, reason, rule }: DecisionRecord, part: string): boolean {
  const destination = host === null || port === null ? host : hostPortText(host, port);
  const texts = [client.name, client.address, destination, dialed, ...addresses, reason, rule];
  return texts.some((text) => text?.toLowerCase().includes(part));
}

function matchesText(wanted: string, ...texts: readonly string[]): boolean {
  const lower = wanted.toLowerCase();
  const suffix = lower.startsWith('*.') ? lower.slice(1) : null;
  return texts.some((text) => (suffix === null ? text.toLowerCase() === lower : text.toLowerCase().endsWith(suffix)));
}
