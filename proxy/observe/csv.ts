/** Decision records as a table for spreadsheets (RFC 4180). */
import { escapeText } from './json-line.js';
import type { DecisionRecord } from './record.js';

const COLUMNS: readonly [string, (record: DecisionRecord) => string | number | null | undefined][] = [
  ['time', ({ time }) => time],
  ['id', ({ id }) => id],
  ['outcome', ({ outcome }) => outcome],
  ['reason', ({ reason }) => reason],
  ['rule', ({ rule }) => rule],
  ['mode', ({ mode }) => mode],
  ['client', ({ client }) => client.name],
  ['client_address', ({ client }) => client.address],
  ['door', ({ door }) => door],
  ['method', ({ method }) => method],
  ['host', ({ host }) => host],
  ['port', ({ port }) => port],
  ['addresses', ({ addresses }) => addresses.join(' ')],
  ['dialed', ({ dialed }) => dialed],
  ['status', ({ status }) => status],
  ['dns_ms', ({ dnsMs }) => dnsMs],
  ['connect_ms', ({ connectMs }) => connectMs],
  ['repeats', ({ repeats }) => repeats],
  ['server_name', ({ serverName }) => serverName],
];

/** The wide forms are signs of a formula, too, where people write with them. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/;

/** With a header line, and CRLF at the end of each line. */
export function decisionsCsv(records: readonly DecisionRecord[]): string {
  const lines = records.map((record) => COLUMNS.map(([, value]) => cell(value(record))).join(','));
  return `${[COLUMNS.map(([name]) => name).join(','), ...lines].join('\r\n')}\r\n`;
}

/**
 * Spreadsheets take a cell that begins with one of these signs for a formula, and clients choose hosts and names. So such a
 * text gets an apostrophe in front. Invisible characters are spelt out as in the log.
 */
function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const visible = escapeText(value).replaceAll('\\"', '"').replaceAll('\\\\', '\\');
  const harmless = FORMULA.test(visible) ? `'${visible}` : visible;
  return /[",;\t]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
