/** The log for a person at a terminal: one aligned line per record or event. */
import { hostPortText } from '../core/target.js';
import { escapeText } from './json-line.js';

interface Fields {
  readonly [name: string]: unknown;
}

const COLOR = { allow: 32, deny: 31, fail: 33, note: 36, dim: 90 } as const;
const EVENT_COLOR: Readonly<Record<string, keyof typeof COLOR>> = { warn: 'fail', error: 'deny', fatal: 'deny' };

/**
 * Turns a line of this log into a line for people. `colored`: with ANSI colours. `greeting`: shows the start as a list, for
 * someone at a terminal; in a log that is kept, it stays one line.
 */
export function prettyRenderer(colored: boolean, greeting = false): (json: string) => string {
  const paint = (color: keyof typeof COLOR, text: string) => (colored ? `\x1b[${COLOR[color]}m${text}\x1b[0m` : text);
  return (json) => {
    const fields = parse(json);
    const time = paint('dim', clock(fields.time));
    if (fields.event === 'decision') return `${time} ${decisionText(fields, paint)}`;
    if (fields.event === 'closed') return `${time} ${paint('dim', closedText(fields))}`;
    if (fields.event === 'listening' && greeting) return `${time} ${readyText(fields, paint)}`;
    return `${time} ${eventText(fields, paint)}`;
  };
}

type Paint = (color: keyof typeof COLOR, text: string) => string;

/** Outcome, client, destination, and why or how. Columns line up if the texts have their usual lengths. */
function decisionText(fields: Fields, paint: Paint): string {
  const { outcome, reason, rule, mode } = fields;
  const color = outcome === 'allow' || outcome === 'deny' ? outcome : 'fail';
  const client = object(fields.client);
  const host = text(fields.host);
  const destination = host === '' ? '-' : hostPortText(host, text(fields.port));
  const would = outcome === 'allow' && reason !== null && mode === 'report' ? paint('fail', 'would be denied: ') : '';
  const why = [text(reason), rule === null || rule === undefined ? '' : `(${text(rule)})`].filter(
    (part) => part !== '',
  );
  return [
    paint(color, text(outcome).padEnd(5)),
    (text(client.name) || text(client.address) || '-').padEnd(20),
    destination.padEnd(36),
    text(fields.door).padEnd(9),
    would + why.join(' ') + named(fields) + more(fields) + paint('dim', timings(fields)),
  ].join(' ');
}

function named({ serverName }: Fields): string {
  return typeof serverName === 'string' ? `, server name ${text(serverName)}` : '';
}

function more({ repeats }: Fields): string {
  return typeof repeats === 'number' ? `, and ${repeats} more` : '';
}

function timings({ dialed, dnsMs, connectMs }: Fields): string {
  const parts = [
    typeof dialed === 'string' ? `to ${text(dialed)}` : '',
    typeof dnsMs === 'number' ? `dns ${dnsMs} ms` : '',
    typeof connectMs === 'number' ? `connect ${connectMs} ms` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` ${parts.join(', ')}`;
}

function closedText(fields: Fields): string {
  const { id, host, port, bytesUp, bytesDown, durationMs, cause, reason } = fields;
  const seconds = typeof durationMs === 'number' ? (durationMs / 1000).toFixed(1) : '-';
  const destination = typeof host === 'string' ? `${hostPortText(text(host), text(port))} ` : '';
  const why = typeof reason === 'string' ? `: ${text(reason)}` : '';
  const carried = `${text(bytesUp)} bytes up, ${text(bytesDown)} down, ${seconds} s`;
  return `closed ${destination}${text(id)} ${carried}, ${text(cause)}${why}${more(fields)}`;
}

/** What a person who has just started the proxy wants to know, one line each. */
function readyText(fields: Fields, paint: Paint): string {
  const { admin, ...doors } = object(fields.listening);
  const rules = fields.rules === 1 ? '1 rule' : `${text(fields.rules)} rules`;
  const policy = `mode ${text(fields.mode)}, default ${text(fields.default)}, ${rules}`;
  const rows = [
    ...Object.entries(doors).map(([name, at]) => [
      name,
      name === 'proxy' ? `http://${text(at)} (HTTP_PROXY, HTTPS_PROXY)` : text(at),
    ]),
    ['page', admin === undefined ? 'off (listen.admin)' : `open http://${text(admin)}/ in a browser`],
    ['policy', `${text(fields.config)}: ${policy}`],
  ];
  const lines = rows.map(([name = '', value = '']) => `    ${paint('dim', escapeText(name).padEnd(10))} ${value}`);
  return [paint('allow', `egress-proxy ${text(fields.version)} is ready`), ...lines].join('\n');
}

/** Without the instance, since a terminal shows only one. */
function eventText({ level, time, event, msg, instance: _, ...rest }: Fields, paint: Paint): string {
  const details = Object.entries(rest).map(([name, value]) => `${escapeText(name)}=${text(value)}`);
  const head = paint(EVENT_COLOR[text(level)] ?? 'note', text(level).padEnd(5));
  return [head, text(msg ?? event), paint('dim', details.join(' '))].join(' ').trimEnd();
}

function clock(time: unknown): string {
  return /T(\d\d:\d\d:\d\d\.\d{3})Z$/.exec(text(time))?.[1] ?? text(time);
}

/** Texts with invisible characters spelt out, everything else as JSON; empty for null. */
function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? escapeText(value) : escapeText(JSON.stringify(value)).replaceAll('\\"', '"');
}

function object(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function parse(json: string): Fields {
  try {
    return object(JSON.parse(json));
  } catch {
    return { level: 'error', msg: json };
  }
}
