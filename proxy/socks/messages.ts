/** The messages of SOCKS version 5 (RFC 1928) and of its username/password method (RFC 1929), as pure functions. */
import { addressFromBytes } from '../core/address.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { parseHost, parsePort, type Target } from '../core/target.js';
import { type Heard, MORE, type Outcome, refusedAs } from '../door/hearing.js';

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

type Method = typeof METHOD.none | typeof METHOD.password;

/** The first of `preferred` that the client offers; null if it offers none of them (RFC 1928 section 3). */
export function selectMethod(methods: Uint8Array, preferred: readonly Method[]): Method | null {
  for (const method of preferred) if (methods.includes(method)) return method;
  return null;
}

/** The methods of the greeting (RFC 1928 section 3), which ends with them; null if it is not SOCKS 5. */
export function readGreeting(held: Buffer): Buffer | 'more' | null {
  const [version, count = 0] = held;
  if (held.length < 2) return 'more';
  if (version !== VERSION || count === 0) return null;
  return held.length < 2 + count ? 'more' : held.subarray(2, 2 + count);
}

/** RFC 1929 section 2. Octets are read as UTF-8. */
export function readCredentials(held: Buffer): Heard {
  const [version, userLength = 0] = held;
  if (held.length < 2) return MORE;
  if (version !== PASSWORD_VERSION || userLength === 0) return refusedAs('malformed-socks');
  const passwordAt = 2 + userLength + 1;
  const taken = passwordAt + (held[passwordAt - 1] ?? 0);
  if (held.length < taken) return MORE;
  const user = held.subarray(2, passwordAt - 1).toString();
  return { kind: 'credentials', taken, credentials: { user, password: held.subarray(passwordAt, taken).toString() } };
}

/**
 * The Target of a CONNECT request (RFC 1928 section 4). A name is parsed as every door parses a host, so an address that is sent
 * as a name is judged as the address.
 */
export function readRequest(held: Buffer): Heard {
  if (held.length < 4) return MORE;
  const [version, , reserved, type = 0, nameLength = 0] = held;
  const length = type === TYPE_NAME ? 1 + nameLength : ADDRESS_BYTES[type];
  if (version !== VERSION || reserved !== 0 || length === undefined) return refusedAs('malformed-socks');
  const taken = 4 + length + 2;
  return held.length < taken ? MORE : outcomeOf(held.subarray(0, taken));
}

function outcomeOf(request: Buffer): Outcome {
  const [, command, , type] = request;
  if (command !== COMMAND_CONNECT) return refusedAs('socks-command-refused');
  const taken = request.length;
  const port = parsePort(String(request.readUInt16BE(taken - 2)));
  if (port === null) return refusedAs('malformed-target');
  const bytes = request.subarray(type === TYPE_NAME ? 5 : 4, taken - 2);
  if (type === TYPE_NAME) return named(bytes.toString('latin1'), port, taken);
  const host = { kind: 'literal', address: addressFromBytes([...bytes]) } as const;
  return { kind: 'target', taken, target: { form: 'authority', scheme: null, host, port } };
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

function named(text: string, port: Target['port'], taken: number): Outcome {
  const host = parseHost(text);
  if (!host.ok) return refusedAs(host.reason);
  return { kind: 'target', taken, target: { form: 'authority', scheme: null, host: host.value, port } };
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
