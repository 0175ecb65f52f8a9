/**
 * Reads the body of a TLS ClientHello (RFC 8446 section 4.1.2) and the server name in it (RFC 6066 section 3). Strict: whatever
 * two parsers could read differently is a defect, so that the vetted name is the one that the server sees.
 */
import { endsInNumber } from '../core/address.js';
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

/** `body` is the ClientHello without its handshake header. Never throws. */
export function parseClientHello(body: Uint8Array): ClientHello | HelloDefect {
  const hello = new Cursor(body);
  hello.take(2 + 32);
  const sessionId = hello.vector(1);
  const cipherSuites = hello.vector(2);
  const compression = hello.vector(1);
  if (sessionId === null || sessionId.length > 32) return 'malformed-hello';
  if (cipherSuites === null || cipherSuites.length < 2 || cipherSuites.length % 2 !== 0) return 'malformed-hello';
  if (compression === null || compression.length === 0) return 'malformed-hello';
  if (hello.atEnd()) return { sni: null, hasEch: false };
  const list = hello.vector(2);
  const extensions = list === null || !hello.atEnd() ? null : parseExtensions(list);
  return extensions === null ? 'malformed-hello' : readNames(extensions);
}

/** RFC 8446 section 4.2: at most one extension of each type. */
function parseExtensions(list: Uint8Array): ReadonlyMap<number, Uint8Array> | null {
  const extensions = new Map<number, Uint8Array>();
  const cursor = new Cursor(list);
  while (!cursor.atEnd()) {
    const type = cursor.integer(2);
    const value = cursor.vector(2);
    if (type === null || value === null || extensions.has(type)) return null;
    extensions.set(type, value);
  }
  return extensions;
}

function readNames(extensions: ReadonlyMap<number, Uint8Array>): ClientHello | HelloDefect {
  const ech = extensions.get(ENCRYPTED_CLIENT_HELLO);
  // The inner type (1) may exist only in the encrypted ClientHello.
  if (ech !== undefined && ech[0] !== 0) return 'malformed-hello';
  const serverName = extensions.get(SERVER_NAME);
  if (serverName === undefined) return { sni: null, hasEch: ech !== undefined };
  const sni = parseServerName(serverName);
  return sni === null ? 'sni-invalid' : { sni, hasEch: ech !== undefined };
}

/** Accepts exactly one host_name, since servers disagree on a second one and on other name types. */
function parseServerName(extension: Uint8Array): DnsName | null {
  const outer = new Cursor(extension);
  const list = outer.vector(2);
  if (list === null || !outer.atEnd()) return null;
  const entry = new Cursor(list);
  const type = entry.integer(1);
  const name = entry.vector(2);
  if (type !== 0 || name === null || !entry.atEnd()) return null;
  return parseHostName(Buffer.from(name).toString('latin1'));
}

/**
 * RFC 6066 section 3: ASCII, no literal address in any spelling, case does not matter. A trailing dot is not allowed there, but
 * some clients send the host as it was given to them, and it is the same name.
 */
function parseHostName(text: string): DnsName | null {
  return endsInNumber(text) ? null : parseDnsName(text);
}

/** Reads big-endian integers and length-prefixed vectors; past the end, every result is null. */
class Cursor {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  take(length: number): Uint8Array | null {
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      this.#offset = Number.POSITIVE_INFINITY;
      return null;
    }
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  integer(width: number): number | null {
    const bytes = this.take(width);
    return bytes === null ? null : bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  vector(width: number): Uint8Array | null {
    const length = this.integer(width);
    return length === null ? null : this.take(length);
  }
}
