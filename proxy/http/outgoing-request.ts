/** The request as it goes to the origin: in origin-form, with the fields that an intermediary passes on. */
import { type AbsoluteTarget, authorityText, type Target } from '../core/target.js';
import type { ClientRequest } from './client-request.js';
import { expectsContinue } from './client-response.js';
import { requestFields, values } from './fields.js';
import type { RequestHead } from './request-head.js';
import type { ExchangeRequest } from './request-sender.js';

export function outgoingRequest(
  request: ClientRequest,
  { target, path, isBare }: AbsoluteTarget,
  { upgrades }: { readonly upgrades: boolean },
): ExchangeRequest {
  const fields = requestFields(request.rawHeaders, request.httpVersion, hostField(target));
  const hops = hopsLeft(request);
  if (hops !== null) setField(fields, 'max-forwards', String(hops - 1));
  const method = request.method ?? '';
  return {
    method,
    path: isBare && method === 'OPTIONS' ? '*' : path,
    fields,
    content: request.content,
    upgrade: upgrades ? values(request.rawHeaders, 'upgrade').join(', ') : null,
    // Without content there is nothing to hold back.
    expectsContinue: request.content !== null && expectsContinue(request),
  };
}

/** RFC 9110 section 7.2: the target's authority, without the default port of its scheme. */
function hostField(target: Target): string {
  const text = authorityText(target);
  const isDefault = target.port === (target.scheme === 'https' ? 443 : 80);
  return isDefault ? text.slice(0, text.lastIndexOf(':')) : text;
}

/** RFC 9110 section 7.6.2: applies to TRACE and OPTIONS only. Null if there is no limit. */
export function hopsLeft(request: RequestHead): number | null {
  if (request.method !== 'TRACE' && request.method !== 'OPTIONS') return null;
  const [value = ''] = values(request.rawHeaders, 'max-forwards');
  return /^\d{1,9}$/.test(value) ? Number(value) : null;
}

function setField(fields: string[], name: string, value: string): void {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]?.toLowerCase() === name) fields[i + 1] = value;
}
