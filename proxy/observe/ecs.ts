/**
 * The log in the field names of the Elastic Common Schema (ECS 8), for collectors that index them. Our own `host`, `event` and
 * `client` have other types there, so that Elastic and Datadog would refuse or misread them.
 */

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { hostPortText } from '../core/target.js';
import { escapeInvisible } from './json-line.js';

interface Fields {
  readonly [name: string]: unknown;
}

const ECS_VERSION = '8.11.0';
const OUTCOMES: Readonly<Record<string, string>> = { allow: 'success', deny: 'failure', fail: 'failure' };
/** Added to `connection`. ECS has no type for a failed connection. */
const TYPES: Readonly<Record<string, readonly string[]>> = { allow: ['allowed'], deny: ['denied'], fail: [] };
/** Fields that ECS has, too; the rest of a record goes below `egress`. */
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
  'serverName',
]);

/** Turns a line of this log into a line of ECS JSON, both without a line end. `machine`: where the proxy runs. */
export function ecsLine(json: string, machine = hostname()): string {
  const fields: Fields = JSON.parse(json);
  const line = {
    '@timestamp': fields.time,
    'log.level': fields.level,
    message: fields.msg ?? messageOf(fields),
    'ecs.version': ECS_VERSION,
    event: eventOf(fields),
    service: { name: 'mcp-egress-proxy', type: 'proxy', ...nodeOf(fields) },
    host: { name: machine },
    ...errorOf(fields.err),
    ...partiesOf(fields),
    ...(fields.rule === undefined || fields.rule === null ? {} : { rule: { name: fields.rule } }),
    ...(fields.method || fields.status ? { http: httpOf(fields) } : {}),
    ...(typeof fields.serverName === 'string' ? { tls: { client: { server_name: fields.serverName } } } : {}),
    egress: Object.fromEntries(Object.entries(fields).filter(([name]) => !MAPPED.has(name))),
  };
  return escapeInvisible(JSON.stringify(line));
}

function nodeOf({ instance }: Fields) {
  return typeof instance === 'string' ? { node: { name: instance } } : {};
}

function eventOf({ event, id, outcome, reason, durationMs }: Fields) {
  return {
    kind: 'event',
    dataset: 'egress-proxy.log',
    action: event,
    ...(event === 'decision' || event === 'closed' ? { category: ['network'] } : {}),
    ...(typeof outcome === 'string' ? { outcome: OUTCOMES[outcome] ?? 'unknown' } : {}),
    ...(event === 'decision' ? { type: ['connection', ...(TYPES[String(outcome)] ?? [])] } : {}),
    ...(event === 'closed' ? { type: ['connection', 'end'] } : {}),
    ...(id === undefined ? {} : { id }),
    ...(typeof reason === 'string' ? { reason } : {}),
    // ECS counts in nanoseconds.
    ...(typeof durationMs === 'number' ? { duration: Math.round(durationMs * 1_000_000) } : {}),
  };
}

function partiesOf({ client, host, port, dialed, addresses, bytesUp, bytesDown }: Fields) {
  if (!isObject(client)) return {};
  const isAddress = isIp(host);
  const ip = isIp(dialed) ? dialed : isAddress ? host : null;
  const resolved = Array.isArray(addresses) && !isAddress ? addresses.filter(isIp) : [];
  return {
    source: {
      address: client.address,
      // Left out if invalid, or the whole line would be refused.
      ...(isIp(client.address) ? { ip: client.address } : {}),
      ...(typeof bytesUp === 'number' ? { bytes: bytesUp } : {}),
    },
    ...(typeof client.name === 'string' ? { user: { name: client.name } } : {}),
    destination: {
      ...(typeof host === 'string' ? { address: host } : {}),
      ...(typeof host === 'string' && !isAddress ? { domain: host } : {}),
      ...(ip === null ? {} : { ip }),
      ...(typeof port === 'number' ? { port } : {}),
      ...(typeof bytesDown === 'number' ? { bytes: bytesDown } : {}),
    },
    ...(resolved.length > 0 ? { dns: { resolved_ip: resolved } } : {}),
    ...(typeof bytesUp === 'number' && typeof bytesDown === 'number'
      ? { network: { bytes: bytesUp + bytesDown } }
      : {}),
  };
}

function isIp(value: unknown): value is string {
  return typeof value === 'string' && isIP(value) !== 0;
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

/** The text for the line of a record, which has none of its own. */
function messageOf({ event, outcome, reason, host, port }: Fields): string {
  const place = host === null || host === undefined ? '' : ` ${hostPortText(String(host), String(port))}`;
  return `${outcome ?? event}${place}${typeof reason === 'string' ? `: ${reason}` : ''}`;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
