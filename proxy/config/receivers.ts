/** The receivers that the proxy itself sends to: of notices (`notify`) and of telemetry (`otlp`). */
import * as z from 'zod';
import { parsePrefix } from '../core/address.js';
import { NOTICE_EVENTS, type NoticeEvent } from '../core/notice-event.js';
import type { Rule } from '../core/policy.js';
import type { RuleId } from '../core/rule.js';
import { type AbsoluteTarget, hostText, parseAbsolute, parseHostPattern, type Target } from '../core/target.js';
import { clientName, duration, form, type Mismatch, mismatch, word } from './scalars.js';
import { list, section } from './shapes.js';

/** Where the file says that the proxy may send by itself. */
export interface Receiver {
  /** With its scheme. */
  readonly target: Target;
  /** Path and query; may be a secret, and is shown to nobody. */
  readonly path: string;
  /** Flat: name, value, name, value. May hold secrets. */
  readonly fields: readonly string[];
  /** Allows the target, as a rule of the file would: after every `deny`, and no private address. */
  readonly rule: Rule;
}

export interface NotifySettings {
  readonly to: Receiver;
  readonly events: readonly NoticeEvent[];
  /** What the receiver is to know this proxy by; null: the name of the machine. */
  readonly instance: string | null;
}

const LONGEST = 2048;
/** The fields that frame or route the request are set by the proxy itself. */
const OWN_FIELDS =
  /^(?:host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|user-agent|proxy-.*)$/i;

/** Never shown where it is wrong: there may be a secret in it. */
const receiverUrl = form(
  'an http or https URL without a user name, such as "https://hooks.example.net/egress" (credentials go into headers)',
  readReceiverUrl,
);

const fieldName = form(
  'the name of a header field that the proxy does not set itself, such as "Authorization"',
  (text) => (/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(text) && !OWN_FIELDS.test(text) ? text : mismatch()),
);

const fieldValue = form('a value of visible ASCII, such as "Bearer ${NOTIFY_TOKEN}"', (text) =>
  /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/.test(text) ? text : mismatch(),
);

const headers = z.record(fieldName, fieldValue, {
  error: 'a mapping of header fields, such as { Authorization: "Bearer ${NOTIFY_TOKEN}" }',
});

export const OTLP_SIGNALS = ['metrics', 'logs'] as const;

export interface OtlpSettings {
  /** `/v1/metrics` and `/v1/logs` come behind its path. */
  readonly to: Receiver;
  readonly signals: readonly (typeof OTLP_SIGNALS)[number][];
  /** Of the metrics. */
  readonly intervalMs: number;
}

export const otlpSection = section({
  endpoint: receiverUrl,
  signals: list(word(OTLP_SIGNALS), 'such as [metrics, logs]')
    .min(1, 'at least one of metrics, logs')
    .prefault(['metrics', 'logs']),
  headers: headers.prefault({}),
  interval: duration.prefault('60s'),
});

export const notifySection = section({
  url: receiverUrl,
  events: list(word(NOTICE_EVENTS), 'such as [question, metadata]')
    .min(1, 'at least one of question, metadata, first-contact')
    .prefault(['question', 'metadata']),
  headers: headers.prefault({}),
  instance: clientName.optional(),
});

export function compileNotify({
  url,
  events,
  headers: fields,
  instance,
}: z.output<typeof notifySection>): NotifySettings {
  return { to: receiver('notify', url, fields), events, instance: instance ?? null };
}

export function compileOtlp({
  endpoint,
  signals,
  headers: fields,
  interval,
}: z.output<typeof otlpSection>): OtlpSettings {
  return { to: receiver('otlp', endpoint, fields), signals, intervalMs: interval };
}

function receiver(id: RuleId, { target, path }: AbsoluteTarget, fields: Readonly<Record<string, string>>): Receiver {
  const { host, port } = target;
  const rule: Rule = {
    id,
    host: host.kind === 'name' ? parseHostPattern(host.name) : null,
    address: host.kind === 'literal' ? parsePrefix(hostText(host)) : null,
    ports: [{ from: port, to: port }],
    clients: null,
  };
  return { target, path, fields: Object.entries(fields).flat(), rule };
}

function readReceiverUrl(text: string): AbsoluteTarget | Mismatch {
  if (text.length > LONGEST || !/^https?:/i.test(text)) return mismatch();
  const parsed = parseAbsolute(text);
  return parsed.ok && /^[\x21-\x7e]*$/.test(parsed.value.path) ? parsed.value : mismatch();
}
