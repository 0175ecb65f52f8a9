/** The HTTP door: origin-form requests (RFC 9112 section 3.2.1) from clients that take the proxy for the origin. */
import { type AbsoluteTarget, type Parsed, parseAbsolute } from '../core/target.js';
import type { RequestHead } from './request-head.js';

/**
 * What the request would be in absolute-form: `http`, the one Host field, the request-target. A request-target in any
 * other form is refused, since it could name a different host from that in the Host field.
 */
export function originTarget(request: Pick<RequestHead, 'url' | 'noted'>): Parsed<AbsoluteTarget> {
  const { url, noted } = request;
  const { host, repeated } = noted;
  if (host === null || host === '') return { ok: false, reason: 'missing-host' };
  if (repeated?.has('host')) return { ok: false, reason: 'duplicate-host' };
  if (!url.startsWith('/')) return { ok: false, reason: 'not-origin-form' };
  // The field must not contain what would end the authority early.
  if (/[/?#]/.test(host)) return { ok: false, reason: 'malformed-request' };
  return parseAbsolute(`http://${host}${url}`);
}
