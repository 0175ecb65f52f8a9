/** For each protocol, a first datagram that its servers answer. */
import { questionBytes } from './dns.js';

/** A QUIC server answers no Initial below this size (RFC 9000 section 14.1). */
const QUIC_INITIAL_BYTES = 1200;

export function payloadOf(protocol: 'dns' | 'ntp' | 'quic'): Uint8Array {
  if (protocol === 'dns') return questionBytes('example.com', 'A');
  return protocol === 'ntp' ? ntpRequest() : quicUnknownVersion();
}

/** RFC 5905 section 7.3: version 4, mode 3 (client), the rest zero. */
function ntpRequest(): Uint8Array {
  const packet = new Uint8Array(48);
  packet[0] = 0x23;
  return packet;
}

/** A long header with a reserved version, which every server answers with Version Negotiation (RFC 9000 section 6). */
function quicUnknownVersion(): Uint8Array {
  const packet = new Uint8Array(QUIC_INITIAL_BYTES);
  packet.set([0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
  return packet;
}
