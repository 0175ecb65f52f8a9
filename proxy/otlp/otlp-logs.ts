/** A line of the log as an OTLP log record. Fields become attributes, named by the semantic conventions if these have a name. */

import { type AnyValue, SeverityNumber } from '@opentelemetry/api-logs';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { hostPortText } from '../core/target.js';
import { hrTime, type Resource, SCOPE } from './resource.js';

interface Fields {
  readonly [name: string]: unknown;
}

const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};
/** Fields that have a name in the conventions; all others are below `egress.`. */
const NAMES: Readonly<Record<string, string>> = {
  host: 'server.address',
  port: 'server.port',
  method: 'http.request.method',
  status: 'http.response.status_code',
  dialed: 'network.peer.address',
};
/** Fields with a place of their own in the record. */
const OWN = new Set(['time', 'level', 'event', 'msg', 'client', 'err']);

/** `json`: one line of our own log. Null for any other line. */
export function otlpLog(json: string, resource: Resource): ReadableLogRecord | null {
  const fields = parse(json);
  if (fields === null) return null;
  const { time, level, event, msg } = fields;
  const at = hrTime(Date.parse(String(time)) || 0);
  const severity = String(level);
  return {
    hrTime: at,
    hrTimeObserved: at,
    severityText: severity.toUpperCase(),
    severityNumber: SEVERITIES[severity] ?? SeverityNumber.UNSPECIFIED,
    body: typeof msg === 'string' ? msg : textOf(fields),
    eventName: `egress.${String(event)}`,
    resource,
    instrumentationScope: SCOPE,
    attributes: attributesOf(fields),
    droppedAttributesCount: 0,
  };
}

function attributesOf(fields: Fields): Record<string, AnyValue> {
  const attributes: Record<string, AnyValue> = {};
  const { client, err } = fields;
  if (isFields(client)) {
    if (typeof client.address === 'string') attributes['client.address'] = client.address;
    if (typeof client.name === 'string') attributes['egress.client'] = client.name;
  }
  if (isFields(err)) {
    attributes['exception.type'] = String(err.type);
    attributes['exception.message'] = String(err.message);
    attributes['exception.stacktrace'] = String(err.stack);
  }
  for (const [name, value] of Object.entries(fields)) {
    if (OWN.has(name) || value === null || value === undefined) continue;
    attributes[NAMES[name] ?? `egress.${name}`] = plain(value);
  }
  return attributes;
}

/** Values that are neither scalars nor lists of texts become JSON. */
function plain(value: unknown): AnyValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  const isTexts = Array.isArray(value) && value.every((item): item is string => typeof item === 'string');
  return isTexts ? value : JSON.stringify(value);
}

function textOf({ event, outcome, cause, host, port, reason }: Fields): string {
  const place = typeof host === 'string' ? ` ${hostPortText(host, String(port))}` : '';
  const why = reason ?? cause;
  return `${String(outcome ?? event)}${place}${typeof why === 'string' ? `: ${why}` : ''}`;
}

function parse(json: string): Fields | null {
  try {
    const value: unknown = JSON.parse(json);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
