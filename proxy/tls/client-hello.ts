/**
 * Reads the body of a TLS ClientHello (RFC 8446 section 4.1.2) and the server name in it (RFC 6066 section 3). Strict: whatever
 * two parsers could read differently is a defect, so that the vetted name is the one that the server sees.
 */
import { type DnsName, parseDnsName } from '../core/host-pattern.js';

export interface ClientHello {
  /** Null where the client names no server. */
  readonly sni: DnsName | null;
  /** True: an encrypted_client_hello extension of type outer (RFC 9849), real or GREASE: nobody on the way can tell. */
  readonly hasEch: boolean;
}

/** What is wrong: with the TLS around the name, or with the name itself. */
export type HelloDefect = 'malformed-hello' | 'sni-invalid';

const SERVER_NAME = 0;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
const HOST_NAME = 0;

/** `body` is the ClientHello without its handshake header. Never throws. */
export function parseClientHello(body: Uint8Array): ClientHello | HelloDefect {
  // After version and random.
  const sessionId = vectorAt(body, 2 + 32, 1);
  if (sessionId === null || sessionId.length > 32) return 'malformed-hello';
  let at = 2 + 32 + 1 + sessionId.length;
  const cipherSuites = vectorAt(body, at, 2);
  if (cipherSuites === null || cipherSuites.length < 2 || cipherSuites.length % 2 !== 0) return 'malformed-hello';
  at += 2 + cipherSuites.length;
  const compression = vectorAt(body, at, 1);
  if (compression === null || compression.length === 0) return 'malformed-hello';
  at += 1 + compression.length;
  if (at === body.length) return { sni: null, hasEch: false };
  const extensions = vectorAt(body, at, 2);
  if (extensions === null || at + 2 + extensions.length !== body.length) return 'malformed-hello';
  return readExtensions(extensions);
}

/** RFC 8446 section 4.2: at most one extension of each type. */
function readExtensions(list: Uint8Array): ClientHello | HelloDefect {
  const types = new Set<number>();
  let serverName: Uint8Array | null = null;
  let ech: Uint8Array | null = null;
  for (let at = 0; at < list.length; ) {
    const value = vectorAt(list, at + 2, 2);
    const type = (list[at] ?? 0) * 256 + (list[at + 1] ?? 0);
    if (value === null || types.has(type)) return 'malformed-hello';
    types.add(type);
    if (type === SERVER_NAME) serverName = value;
    if (type === ENCRYPTED_CLIENT_HELLO) ech = value;
    at += 2 + 2 + value.length;
  }
  // The inner type (1) may exist only in the encrypted ClientHello.
  if (ech !== null && ech[0] !== 0) return 'malformed-hello';
  const sni = serverName === null ? null : parseServerName(serverName);
  return serverName !== null && sni === null ? 'sni-invalid' : { sni, hasEch: ech !== null };
}

/**
 * Accepts exactly one host_name, since servers disagree on a second one and on other name types. RFC 6066 section 3: ASCII, no
 * literal address in any spelling, case does not matter. A trailing dot is not allowed there, but some clients send the host as it
 * was given to them, and it is the same name.
 */
function parseServerName(extension: Uint8Array): DnsName | null {
  const list = vectorAt(extension, 0, 2);
  if (list === null || 2 + list.length !== extension.length) return null;
  const name = vectorAt(list, 1, 2);
  if (list[0] !== HOST_NAME || name === null || 1 + 2 + name.length !== list.length) return null;
  return parseDnsName(Buffer.from(name).toString('latin1'));
}

/** The vector at `at`, after its length in `width` octets; null if it is longer than what there is. */
function vectorAt(bytes: Uint8Array, at: number, width: 1 | 2): Uint8Array | null {
  const start = at + width;
  const length = width === 1 ? (bytes[at] ?? 0) : (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  return start + length > bytes.length ? null : bytes.subarray(start, start + length);
}
