/** Assembles a ClientHello, however it is fragmented into TLS records and packets, in time linear in what arrives. */
import { type ClientHello, type HelloDefect, parseClientHello } from './client-hello.js';

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
