/** Checks the head of a request against RFC 9112 and RFC 9110, on the fields as they came. */
import type { Reason } from '../core/reasons.js';
import { type Host, parseHostField, sameHost, type Target } from '../core/target.js';
import { type Credentials, parseBasic, peerAddress } from '../door/clients.js';
import { hasField, members, values } from './fields.js';

/** What a request says before its content. `url`: the request-target. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** `1.1`. */
  readonly httpVersion: string;
  /** Name, value, name, value, as they came; latin1. */
  readonly rawHeaders: readonly string[];
}

/**
 * What is wrong with the head whatever its target, or null: version, Host (RFC 9112 section 3.2), framing. `authority`: a
 * text that has already been parsed as host and port, as is the Host of nearly every request; null: there is none.
 */
export function headFault(request: RequestHead, authority: string | null): Reason | null {
  const { rawHeaders, httpVersion } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'malformed-request';
  const hosts = values(rawHeaders, 'host');
  if (hosts.length > 1) return 'duplicate-host';
  const host = hosts[0];
  if (httpVersion === '1.1' && (host === undefined || host === '')) return 'missing-host';
  const isRead = host === undefined || host === '' || host === authority;
  if (!isRead && !parseHostField(host).ok) return 'malformed-request';
  if (members(rawHeaders, 'expect').some((expectation) => expectation !== '100-continue')) return 'expectation-failed';
  return framingFault(request);
}

/** The local end of a connection, as the client may name it. */
export interface Listener {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/**
 * For CONNECT: the Host field names the target; its port may be left out, as some clients do. A field that names the proxy is
 * ignored, since some clients (proxytunnel) send that: the target counts (RFC 9112 section 3.2.2).
 */
export function hostFault(request: RequestHead, target: Target, listener: Listener): Reason | null {
  const value = values(request.rawHeaders, 'host')[0];
  // The same text names the same target: no need to read it again.
  if (value === undefined || value === '' || value === request.url) return null;
  const field = parseHostField(value);
  if (!field.ok) return 'host-mismatch';
  const { host, port } = field.value;
  if (sameHost(host, target.host) && (port === null || port === target.port)) return null;
  return namesProxy(host, port, listener) ? null : 'host-mismatch';
}

/** True for any host with the port that the client has connected to, and for the local address or a usual name without a port. */
function namesProxy(host: Host, port: number | null, { localAddress, localPort }: Listener): boolean {
  if (port !== null) return port === localPort;
  return host.kind === 'name' ? OWN_NAMES.has(host.name) : host.address.text === peerAddress(localAddress);
}

/** The service of the compose files, and the name of loopback. */
const OWN_NAMES: ReadonlySet<string> = new Set(['egress-proxy', 'localhost']);

/** Null if no credentials are given; credentials that cannot be read are wrong ones. */
export function credentialsOf(request: RequestHead): Credentials | null {
  const given = values(request.rawHeaders, 'proxy-authorization');
  const value = given[0];
  if (value === undefined) return null;
  const wrong = { user: '', password: '' };
  return given.length > 1 ? wrong : (parseBasic(value) ?? wrong);
}

/** True if content follows the head (RFC 9112 section 6.3). */
export function hasContent(request: RequestHead): boolean {
  const length = values(request.rawHeaders, 'content-length')[0] ?? '0';
  return length !== '0' || hasField(request.rawHeaders, 'transfer-encoding');
}

/**
 * `malformed-request` or null. RFC 9112 section 6.1: the only transfer coding accepted is `chunked`, once, in HTTP/1.1.
 * A Content-Length beside it is refused, and so is a repeated Content-Length, even with the same value.
 */
export function framingFault({ rawHeaders: raw, httpVersion: version }: RequestHead): Reason | null {
  const lengths = values(raw, 'content-length');
  const length = lengths[0];
  if (lengths.length > 1 || (length !== undefined && !LENGTH.test(length))) return 'malformed-request';
  if (!hasField(raw, 'transfer-encoding')) return null;
  const codings = members(raw, 'transfer-encoding');
  const isPlain = codings.length === 1 && codings[0] === 'chunked' && version === '1.1' && lengths.length === 0;
  return isPlain ? null : 'malformed-request';
}

const LENGTH = /^\d{1,15}$/;
