/**
 * The log in the field names of the Elastic Common Schema (ECS 8), for collectors that index them: our own `host`, `event`
 * and `client` are objects or keywords of another kind there, and Elastic and Datadog would refuse or misread them.
 */
import { escapeInvisible } from './json-line.js';

interface Fields {
  readonly [name: string]: unknown;
}

const ECS_VERSION = '8.11.0';
const OUTCOMES: Readonly<Record<string, string>> = { allow: 'success', deny: 'failure', fail: 'failure' };
const TYPES: Readonly<Record<string, string>> = { allow: 'allowed', deny: 'denied', fail: 'error' };
/** What has a field of its own in ECS; the rest of a record is below `egress`. */
const MAPPED = new Set([
  'time',
  'level',
  'event',
  'msg',
  'err',
  'id',
  'outcome',
  'reason',
  'rule',
  'method',
  'status',
  'host',
  'port',
  'dialed',
  'addresses',
  'client',
  'bytesUp',
  'bytesDown',
  'durationMs',
]);

/** Makes of one line of JSON of this log one line of ECS JSON, both without a line end. */
export function ecsLine(json: string): string {
  const fields: Fields = JSON.parse(json);
  const line = {
    '@timestamp': fields.time,
    'log.level': fields.level,
    message: fields.msg ?? messageOf(fields),
    'ecs.version': ECS_VERSION,
    event: eventOf(fields),
    ...errorOf(fields.err),
    ...partiesOf(fields),
    ...(fields.rule === undefined || fields.rule === null ? {} : { rule: { name: fields.rule } }),
    ...(fields.method || fields.status ? { http: httpOf(fields) } : {}),
    egress: Object.fromEntries(Object.entries(fields).filter(([name]) => !MAPPED.has(name))),
  };
  return escapeInvisible(JSON.stringify(line));
}

function eventOf({ event, id, outcome, reason, durationMs }: Fields) {
  const isDecision = event === 'decision' && typeof outcome === 'string';
  return {
    kind: 'event',
    dataset: 'egress-proxy.log',
    action: event,
    ...(event === 'decision' || event === 'closed' ? { category: ['network'] } : {}),
    ...(isDecision ? { type: ['connection', TYPES[outcome]], outcome: OUTCOMES[outcome] } : {}),
    ...(event === 'closed' ? { type: ['connection', 'end'] } : {}),
    ...(id === undefined ? {} : { id }),
    ...(typeof reason === 'string' ? { reason } : {}),
    // ECS counts in nanoseconds.
    ...(typeof durationMs === 'number' ? { duration: durationMs * 1_000_000 } : {}),
  };
}

function partiesOf({ client, host, port, dialed, bytesUp, bytesDown }: Fields) {
  if (!isObject(client)) return {};
  const address = dialed ?? null;
  const isAddress = typeof host === 'string' && (host.includes(':') || /^[\d.]+$/.test(host));
  return {
    source: {
      address: client.address,
      ip: client.address,
      ...(typeof bytesUp === 'number' ? { bytes: bytesUp } : {}),
    },
    ...(typeof client.name === 'string' ? { user: { name: client.name } } : {}),
    destination: {
      ...(host === null ? {} : { address: host }),
      ...(typeof host === 'string' && !isAddress ? { domain: host } : {}),
      ...(address !== null ? { ip: address } : isAddress ? { ip: host } : {}),
      ...(port === null ? {} : { port }),
      ...(typeof bytesDown === 'number' ? { bytes: bytesDown } : {}),
    },
  };
}

function httpOf({ method, status }: Fields) {
  return {
    ...(method ? { request: { method } } : {}),
    ...(status ? { response: { status_code: status } } : {}),
  };
}

function errorOf(error: unknown) {
  if (!isObject(error)) return {};
  return { error: { type: error.type, message: error.message, stack_trace: error.stack } };
}

/** The line of a record has no text of its own. */
function messageOf({ event, outcome, reason, host, port }: Fields): string {
  const place = host === null || host === undefined ? '' : ` ${host}:${port}`;
  return `${outcome ?? event}${place}${typeof reason === 'string' ? `: ${reason}` : ''}`;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
