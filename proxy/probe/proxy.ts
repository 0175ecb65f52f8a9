/** One request to the proxy for a target that it must refuse, and what its answer says. */
import type { Observation } from './try.js';

/** Reasons that a proxy gives without having dialled, such as a name without an address: no way out. */
const NOT_DIALED = new Set(['name-not-found', 'dns-failed', 'dns-timeout', 'proxy-loop', 'busy', 'draining']);

export function requestText(method: 'CONNECT' | 'GET', target: string, authorization: string | null): string {
  const host = method === 'CONNECT' ? target : new URL(target).host;
  const credentials = authorization === null ? '' : `Proxy-Authorization: ${authorization}\r\n`;
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${credentials}Connection: close\r\n\r\n`;
}

/**
 * A refused CONNECT is a refusal, whoever sent it. But a status for GET may come from the target itself, unless it carries the
 * Proxy-Status (RFC 9209) of a proxy that names its reason.
 */
export function readRefusal(head: string, method: 'CONNECT' | 'GET'): Observation {
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) return { sight: 'denied', detail: 'closed without an answer' };
  const reason = /^proxy-status:.*?details="([^"]*)"/im.exec(head)?.[1] ?? null;
  if (status === 407) return { sight: 'denied', detail: 'credentials are wanted' };
  if (method === 'CONNECT' && status < 300) return { sight: 'answered', detail: `${status}` };
  if (status >= 500 && (reason === null || !NOT_DIALED.has(reason)))
    return { sight: 'dialed', detail: reason ?? `${status}` };
  if (reason !== null) return { sight: 'denied', detail: `${status} ${reason}` };
  return { sight: method === 'CONNECT' ? 'denied' : 'answered', detail: `${status}` };
}
