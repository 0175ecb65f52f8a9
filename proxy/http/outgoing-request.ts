/** The request as it goes to the origin: in origin-form, with the fields that an intermediary passes on. */
import { type AbsoluteTarget, hostPortText, hostText, type Target } from '../core/target.js';
import type { ClientRequest } from './client-request.js';
import { fieldLines } from './client-response.js';
import type { ExchangeRequest } from './exchanged.js';
import { listMembers, requestFields, values } from './fields.js';
import type { RequestHead } from './request-head.js';

export function outgoingRequest(
  request: ClientRequest,
  { target, path, isBare }: AbsoluteTarget,
  { upgrades }: { readonly upgrades: boolean },
): ExchangeRequest {
  const fields = requestFields(request, hostField(target));
  const hops = request.noted['max-forwards'] === null ? null : hopsLeft(request);
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

/** RFC 9110 section 10.1.1: in an HTTP/1.0 request it is ignored. */
function expectsContinue({ httpVersion, noted }: RequestHead): boolean {
  return httpVersion === '1.1' && listMembers(noted.expect ?? '').includes('100-continue');
}

/** RFC 9110 section 7.2: the target's authority, without the default port of its scheme. */
function hostField(target: Target): string {
  const text = hostPortText(hostText(target.host), target.port);
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

/** The head, with the empty line that ends it. */
export function requestText({ method, path, fields, content, upgrade, expectsContinue }: ExchangeRequest): string {
  let text = `${method} ${path} HTTP/1.1\r\n${fieldLines(fields)}`;
  if (content !== null && content.length === null) text += 'Transfer-Encoding: chunked\r\n';
  if (expectsContinue) text += 'Expect: 100-continue\r\n';
  // HTTP/1.0 servers keep a connection only if asked to.
  text += upgrade === null ? 'Connection: keep-alive\r\n' : `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${text}\r\n`;
}

/** RFC 9110 section 9.2.1: what an origin that is merely slow may safely get twice. A second DELETE would be answered 404. */
export const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** RFC 9110 section 9.2.2. */
export const IDEMPOTENT: ReadonlySet<string> = new Set([...SAFE, 'PUT', 'DELETE']);
