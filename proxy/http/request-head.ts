/** Checks the head of a request against RFC 9112 and RFC 9110, on the fields as they came. */
import type { Reason } from '../core/reasons.js';
import { type Host, parseHostField, sameHost, type Target } from '../core/target.js';
import { type Credentials, parseBasic, peerAddress } from '../door/clients.js';
import { listMembers } from './fields.js';

/** What a request says before its content. `url`: the request-target. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  /** `1.1`. */
  readonly httpVersion: string;
  /** Name, value, name, value, as they came; latin1. */
  readonly rawHeaders: readonly string[];
  /** Of those, what every request is asked for. */
  readonly noted: NotedFields;
}

/** All of them differ in length, which tells a name apart from the others before it is compared. */
const NOTED = [
  'via',
  'host',
  'expect',
  'upgrade',
  'connection',
  'max-forwards',
  'authorization',
  'content-length',
  'transfer-encoding',
  'proxy-authorization',
] as const;

type NotedName = (typeof NOTED)[number];

/** Null: there is no such field. Several of one name are one list, as RFC 9110 section 5.3 joins them. */
type Values = { [name in NotedName]: string | null };

export interface NotedFields extends Readonly<Values> {
  /** Content follows the head (RFC 9112 section 6.3), or `framingFault` finds a fault. */
  readonly hasContent: boolean;
  /** The names of which there are several; null: of none. */
  readonly repeated: ReadonlySet<NotedName> | null;
}

const NOTED_BY_LENGTH = Array.from({ length: 20 }, (_, length) => NOTED.find((name) => name.length === length) ?? null);

/** Goes through the fields of a request once, so that none of its checks has to search them. */
export function noted(raw: readonly string[]): NotedFields {
  const found: Values & { hasContent: boolean; repeated: Set<NotedName> | null } = { ...NOTHING_NOTED };
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const field = raw[i] ?? '';
    const name = NOTED_BY_LENGTH[field.length] ?? null;
    if (name === null || field.toLowerCase() !== name) continue;
    const before = found[name];
    found[name] = before === null ? (raw[i + 1] ?? '') : `${before},${raw[i + 1]}`;
    if (before === null) continue;
    found.repeated ??= new Set();
    found.repeated.add(name);
  }
  found.hasContent = (found['content-length'] ?? '0') !== '0' || found['transfer-encoding'] !== null;
  return found;
}

const NOTHING_NOTED = {
  via: null,
  host: null,
  expect: null,
  upgrade: null,
  connection: null,
  'max-forwards': null,
  authorization: null,
  'content-length': null,
  'transfer-encoding': null,
  'proxy-authorization': null,
  hasContent: false,
  repeated: null,
};

/**
 * What is wrong with the head whatever its target, or null: version, Host (RFC 9112 section 3.2), Expect. `authority`: a
 * text that has already been parsed as host and port, as is the Host of nearly every request; null: there is none. The
 * framing is not looked at: a CONNECT must have no content at all, and of other requests `framingFault` is asked first.
 */
export function headFault(request: RequestHead, authority: string | null): Reason | null {
  const { httpVersion } = request;
  const { host, expect, repeated } = request.noted;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'malformed-request';
  if (repeated?.has('host')) return 'duplicate-host';
  if (httpVersion === '1.1' && (host === null || host === '')) return 'missing-host';
  const isRead = host === null || host === '' || host === authority;
  if (!isRead && !parseHostField(host).ok) return 'malformed-request';
  if (expect !== null && listMembers(expect).some((one) => one !== '100-continue')) return 'expectation-failed';
  return null;
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
  const value = request.noted.host;
  // The same text names the same target: no need to read it again.
  if (value === null || value === '' || value === request.url) return null;
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
export function credentialsOf({ noted }: RequestHead): Credentials | null {
  const value = noted['proxy-authorization'];
  if (value === null) return null;
  const wrong = { user: '', password: '' };
  return noted.repeated?.has('proxy-authorization') ? wrong : (parseBasic(value) ?? wrong);
}

/**
 * For a head with `hasContent`: `malformed-request` or null. RFC 9112 section 6.1: the only transfer coding accepted is
 * `chunked`, once, in HTTP/1.1. A Content-Length beside it is refused, and so is a repeated Content-Length, even with the
 * same value.
 */
export function framingFault({ noted, httpVersion: version }: RequestHead): Reason | null {
  const { 'content-length': length, 'transfer-encoding': coding } = noted;
  // Several are a list, and no length.
  if (length !== null && !LENGTH.test(length)) return 'malformed-request';
  if (coding === null) return null;
  const codings = listMembers(coding);
  const isPlain = codings.length === 1 && codings[0] === 'chunked' && version === '1.1' && length === null;
  return isPlain ? null : 'malformed-request';
}

const LENGTH = /^\d{1,15}$/;

/**
 * True if the request asks for a switch that this proxy carries. An Upgrade may be ignored (RFC 9110 section 7.8), and is: in
 * HTTP/1.0, for `h2c` (obsolete by RFC 9113 section 3.1), and for requests with content, which could not be told from the new protocol.
 */
export function carriesUpgrade(request: RequestHead): boolean {
  const { upgrade, connection } = request.noted;
  if (upgrade === null || connection === null || request.httpVersion !== '1.1') return false;
  const protocols = listMembers(upgrade);
  return (
    protocols.length > 0 &&
    listMembers(connection).includes('upgrade') &&
    !protocols.includes('h2c') &&
    !request.noted.hasContent
  );
}
