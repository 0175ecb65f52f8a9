/** The messages of SOCKS version 5 (RFC 1928) and of its username/password method (RFC 1929), as pure functions. */
import { addressFromBytes } from '../core/address.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { type Parsed, parseHost, parsePort, type Target } from '../core/target.js';

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

/** How the fields of a message follow each other: `take(n)` gives exactly n octets, from wherever they come. */
export type Take = (length: number) => Promise<Buffer>;

type Method = typeof METHOD.none | typeof METHOD.password;

/** The first of `preferred` that the client offers; null where it offers none of them (RFC 1928 section 3). */
export function selectMethod(methods: Uint8Array, preferred: readonly Method[]): Method | null {
  return preferred.find((method) => methods.includes(method)) ?? null;
}

/** The methods of the greeting; null where it is not SOCKS 5. Reads nothing past the greeting. */
export async function readGreeting(take: Take): Promise<Buffer | null> {
  const [version, count = 0] = await take(2);
  if (version !== VERSION || count === 0) return null;
  return take(count);
}

/** RFC 1929 section 2; null where it is malformed. Octets are read as UTF-8. */
export async function readCredentials(take: Take): Promise<{ username: string; password: string } | null> {
  const [version, userLength = 0] = await take(2);
  if (version !== PASSWORD_VERSION || userLength === 0) return null;
  const username = await take(userLength);
  const [passwordLength = 0] = await take(1);
  const password = passwordLength === 0 ? Buffer.alloc(0) : await take(passwordLength);
  return { username: username.toString('utf8'), password: password.toString('utf8') };
}

/**
 * The Target of a CONNECT request. A name is a host as any other door takes it, so an address that is spelt as a name
 * is judged as the address.
 */
export async function readRequest(take: Take): Promise<Parsed<Target>> {
  const [version, command, reserved, type = 0] = await take(4);
  if (version !== VERSION || reserved !== 0) return { ok: false, reason: 'malformed-socks' };
  const addressBytes = ADDRESS_BYTES[type];
  if (addressBytes === undefined && type !== TYPE_NAME) return { ok: false, reason: 'malformed-socks' };
  const bytes = await take(addressBytes ?? (await take(1))[0] ?? 0);
  const portText = String((await take(2)).readUInt16BE(0));
  if (command !== COMMAND_CONNECT) return { ok: false, reason: 'socks-command-refused' };
  const port = parsePort(portText);
  if (port === null) return { ok: false, reason: 'malformed-target' };
  if (type === TYPE_NAME) return named(bytes, port);
  const address = addressFromBytes([...bytes]);
  return { ok: true, value: { form: 'authority', scheme: null, host: { kind: 'literal', address }, port } };
}

export function methodReply(method: number): Buffer {
  return Buffer.from([VERSION, method]);
}

export function credentialsReply(accepted: 'accepted' | 'refused'): Buffer {
  return Buffer.from([PASSWORD_VERSION, accepted === 'accepted' ? 0 : 1]);
}

/** Null says that the tunnel is open. The bound address is never given: clients have no use for it. */
export function requestReply(reason: Reason | null): Buffer {
  return Buffer.from([VERSION, reason === null ? REPLY.succeeded : replyCode(reason), 0, 1, 0, 0, 0, 0, 0, 0]);
}

function named(bytes: Buffer, port: Target['port']): Parsed<Target> {
  const host = parseHost(bytes.toString('latin1'));
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
