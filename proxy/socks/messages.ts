/** The messages of SOCKS version 5 (RFC 1928) and of its username/password method (RFC 1929), as pure functions. */
import { addressFromBytes } from '../core/address.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { type Parsed, parseHost, parsePort, type Target } from '../core/target.js';
import { type Soon, soon } from '../door/soon.js';
import type { LengthOf } from '../net/octet-reader.js';

export const METHOD = { none: 0, password: 2, refused: 0xff } as const;
const VERSION = 5;
const PASSWORD_VERSION = 1;
const COMMAND_CONNECT = 1;
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 4, 4: 16 };
const TYPE_NAME = 3;

/** RFC 1928 section 6. */
const REPLY = {
  succeeded: 0,
  failed: 1,
  denied: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  expired: 6,
  command: 7,
  addressType: 8,
} as const;

/** Returns exactly the octets of one whole message. */
export type Take = (lengthOf: LengthOf) => Soon<Buffer>;

type Method = typeof METHOD.none | typeof METHOD.password;

/** The first of `preferred` that the client offers; null if it offers none of them (RFC 1928 section 3). */
export function selectMethod(methods: Uint8Array, preferred: readonly Method[]): Method | null {
  return preferred.find((method) => methods.includes(method)) ?? null;
}

/** The methods of the greeting; null if it is not SOCKS 5. Reads nothing past the greeting. */
export function readGreeting(take: Take): Soon<Buffer | null> {
  return soon(take(greetingLength), (greeting) =>
    greeting[0] === VERSION && greeting[1] !== 0 ? greeting.subarray(2) : null,
  );
}

/** RFC 1928 section 3. For anything but a greeting, the octets that are enough to tell. */
function greetingLength(held: Buffer): number {
  return 2 + (held[0] === VERSION ? (held[1] ?? 0) : 0);
}

/** RFC 1929 section 2; null if malformed. Octets are read as UTF-8. */
export async function readCredentials(take: Take): Promise<{ username: string; password: string } | null> {
  const message = await take(credentialsLength);
  const [version, userLength = 0] = message;
  if (version !== PASSWORD_VERSION || userLength === 0) return null;
  const passwordAt = 2 + userLength;
  return { username: message.toString('utf8', 2, passwordAt), password: message.toString('utf8', passwordAt + 1) };
}

function credentialsLength(held: Buffer): number {
  const [version, userLength = 0] = held;
  if (version !== PASSWORD_VERSION || userLength === 0) return 2;
  return 2 + userLength + 1 + (held[2 + userLength] ?? 0);
}

/**
 * The Target of a CONNECT request. A name is parsed as every door parses a host, so an address that is sent as a name is judged
 * as the address.
 */
export function readRequest(take: Take): Soon<Parsed<Target>> {
  return soon(take(requestLength), targetOf);
}

function targetOf(request: Buffer): Parsed<Target> {
  const [, command, , type = 0] = request;
  if (!isRequest(request)) return { ok: false, reason: 'malformed-socks' };
  if (command !== COMMAND_CONNECT) return { ok: false, reason: 'socks-command-refused' };
  const portAt = request.length - 2;
  const port = parsePort(String(request.readUInt16BE(portAt)));
  if (port === null) return { ok: false, reason: 'malformed-target' };
  if (type === TYPE_NAME) return named(request.toString('latin1', 5, portAt), port);
  const address = addressFromBytes([...request.subarray(4, portAt)]);
  return { ok: true, value: { form: 'authority', scheme: null, host: { kind: 'literal', address }, port } };
}

/** RFC 1928 section 4. For anything but a request, the octets that are enough to tell. */
function requestLength(held: Buffer): number {
  if (held.length < 4 || !isRequest(held)) return 4;
  const bytes = ADDRESS_BYTES[held[3] ?? 0];
  return 4 + (bytes ?? 1 + (held[4] ?? 0)) + 2;
}

function isRequest([version, , reserved, type = 0]: Buffer): boolean {
  return version === VERSION && reserved === 0 && (type === TYPE_NAME || ADDRESS_BYTES[type] !== undefined);
}

export function methodReply(method: number): Buffer {
  return Buffer.from([VERSION, method]);
}

export function credentialsReply(accepted: 'accepted' | 'refused'): Buffer {
  return Buffer.from([PASSWORD_VERSION, accepted === 'accepted' ? 0 : 1]);
}

/** `reason` null: the tunnel is open. The bound address is never given, since clients have no use for it. */
export function requestReply(reason: Reason | null): Buffer {
  return Buffer.from([VERSION, reason === null ? REPLY.succeeded : replyCode(reason), 0, 1, 0, 0, 0, 0, 0, 0]);
}

function named(text: string, port: Target['port']): Parsed<Target> {
  const host = parseHost(text);
  return host.ok ? { ok: true, value: { form: 'authority', scheme: null, host: host.value, port } } : host;
}

function replyCode(reason: Reason): number {
  switch (reason) {
    case 'socks-command-refused':
      return REPLY.command;
    case 'connect-refused':
      return REPLY.refused;
    case 'connect-timeout':
      return REPLY.expired;
    case 'unroutable':
      return REPLY.networkUnreachable;
    case 'dns-timeout':
    case 'dns-failed':
    case 'name-not-found':
      return REPLY.hostUnreachable;
    default:
      return REASONS[reason].status === 403 ? REPLY.denied : REPLY.failed;
  }
}
