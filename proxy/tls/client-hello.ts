/**
 * Assembles a TLS ClientHello, however it is fragmented into records and packets, in time linear in what arrives; then reads its
 * body (RFC 8446 section 4.1.2) and the server name in it (RFC 6066 section 3). Strict: whatever two parsers could read
 * differently is a defect, so that the vetted name is the one that the server sees.
 */
import { type DnsName, parseDnsName } from '../core/target.js';

export interface ClientHello {
  /** Null where the client names no server. */
  readonly sni: DnsName | null;
  /** True: an encrypted_client_hello extension of type outer (RFC 9849), real or GREASE: nobody on the way can tell. */
  readonly hasEch: boolean;
}

/** What is wrong: with the TLS around the name, or with the name itself. */
export type HelloDefect = 'malformed-hello' | 'sni-invalid';

export type HelloState =
  | { readonly kind: 'need-more' }
  /** The first bytes are not those of a TLS handshake. */
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'defect'; readonly defect: HelloDefect }
  | { readonly kind: 'hello'; readonly hello: ClientHello };

/** On the wire, including record headers. Hellos with post-quantum key shares have less than 4 KiB. */
export const MAX_HELLO_BYTES = 32 * 1024;

const RECORD_HEADER = 5;
const HANDSHAKE_HEADER = 4;
/** RFC 8446 section 5.1. */
const MAX_FRAGMENT = 2 ** 14;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
const HOST_NAME = 0;

const NOTHING = Buffer.alloc(0);
const NEED_MORE: HelloState = { kind: 'need-more' };
const NOT_TLS: HelloState = { kind: 'not-tls' };
const MALFORMED: HelloState = { kind: 'defect', defect: 'malformed-hello' };

export class HelloReader {
  /** Octets of a record header that have come; RECORD_HEADER of them: its fragment is next. */
  #headerLength = 0;
  #fragmentLeft = 0;
  /** The size of the hello, once that is known, and no more: thousands of idle connections must take hardly any memory. */
  #handshake: Buffer = NOTHING;
  #handshakeLength = 0;
  #wireLength = 0;
  #state: HelloState = NEED_MORE;

  /** Octets of memory that it occupies. */
  get room(): number {
    return this.#handshake.length;
  }

  /** The state after `chunk`; once it is not `need-more`, further bytes change nothing. Never throws. */
  push(chunk: Uint8Array): HelloState {
    let offset = 0;
    while (this.#state.kind === 'need-more' && offset < chunk.length) {
      const isHeader = this.#headerLength < RECORD_HEADER;
      const used = isHeader ? this.#takeHeader(chunk[offset] ?? 0) : this.#takeFragment(chunk, offset);
      offset += used;
      this.#wireLength += used;
      if (this.#state.kind === 'need-more' && this.#wireLength >= MAX_HELLO_BYTES) this.#state = MALFORMED;
    }
    return this.#state;
  }

  #takeHeader(octet: number): number {
    const at = this.#headerLength++;
    // No other record may come between the fragments of a hello (RFC 8446 section 5.1).
    if ((at === 0 && octet !== HANDSHAKE_RECORD) || (at === 1 && octet !== 3))
      this.#state = this.#handshakeLength === 0 ? NOT_TLS : MALFORMED;
    if (at >= 3) this.#fragmentLeft = this.#fragmentLeft * 256 + octet;
    if (this.#fragmentLeft > MAX_FRAGMENT || (this.#headerLength === RECORD_HEADER && this.#fragmentLeft === 0))
      this.#state = MALFORMED;
    return 1;
  }

  #takeFragment(chunk: Uint8Array, offset: number): number {
    if (this.#handshake === NOTHING) this.#handshake = Buffer.alloc(HANDSHAKE_HEADER);
    const room = this.#handshake.length - this.#handshakeLength;
    const used = Math.min(this.#fragmentLeft, chunk.length - offset, room);
    this.#handshake.set(chunk.subarray(offset, offset + used), this.#handshakeLength);
    this.#handshakeLength += used;
    this.#fragmentLeft -= used;
    if (this.#fragmentLeft === 0) this.#headerLength = 0;
    this.#state = this.#judge();
    return used;
  }

  /** Called when the header and later the body is complete, or in the midst of either. */
  #judge(): HelloState {
    if (this.#handshake[0] !== CLIENT_HELLO) return MALFORMED;
    if (this.#handshakeLength < this.#handshake.length) return NEED_MORE;
    const end = HANDSHAKE_HEADER + this.#handshake.readUIntBE(1, 3);
    if (end > MAX_HELLO_BYTES) return MALFORMED;
    if (end > this.#handshakeLength) {
      this.#handshake = Buffer.concat([this.#handshake], end);
      return NEED_MORE;
    }
    // Nothing can follow a ClientHello in its record, since the next message depends on the server's answer.
    if (this.#fragmentLeft > 0) return MALFORMED;
    const hello = parseClientHello(this.#handshake.subarray(HANDSHAKE_HEADER));
    return typeof hello === 'string' ? { kind: 'defect', defect: hello } : { kind: 'hello', hello };
  }
}

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
