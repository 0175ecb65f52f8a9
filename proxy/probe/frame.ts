/** An Ethernet frame with a UDP datagram in it, byte for byte: what only a raw socket can send. Pure. */
import type { Address } from '../core/address.js';

export interface Frame {
  /** MAC addresses as `aa:bb:cc:dd:ee:ff`. */
  readonly from: string;
  readonly to: string;
  /** Of one family. */
  readonly source: Address;
  readonly destination: Address;
  readonly port: number;
  readonly payload: Uint8Array;
}

const UDP = 17;
const HOP_LIMIT = 64;
const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const;

export function frameBytes({ from, to, source, destination, port, payload }: Frame): Buffer {
  const datagram = udp(source, destination, port, payload);
  const head =
    source.family === 4 ? ipv4(source, destination, datagram.length) : ipv6(source, destination, datagram.length);
  const ethernet = Buffer.concat([macBytes(to), macBytes(from), u16(ETHERTYPE[source.family])]);
  return Buffer.concat([ethernet, head, datagram]);
}

/** RFC 768, with the pseudo-header of RFC 768 or RFC 8200 section 8.1 in the checksum. */
function udp(source: Address, destination: Address, port: number, payload: Uint8Array): Buffer {
  const length = 8 + payload.length;
  const head = Buffer.concat([u16(port), u16(port), u16(length)]);
  const pseudo = Buffer.from([...source.bytes, ...destination.bytes, 0, 0, length >> 8, length & 255, 0, UDP]);
  const sum = checksum(Buffer.concat([pseudo, head, u16(0), payload]));
  return Buffer.concat([head, u16(sum === 0 ? 0xffff : sum), payload]);
}

/** RFC 791 section 3.1: no options. */
function ipv4(source: Address, destination: Address, length: number): Buffer {
  const start = Buffer.concat([
    Buffer.from([0x45, 0]),
    u16(20 + length),
    u16(1),
    u16(0),
    Buffer.from([HOP_LIMIT, UDP]),
  ]);
  const addresses = Buffer.from([...source.bytes, ...destination.bytes]);
  return Buffer.concat([start, u16(checksum(Buffer.concat([start, u16(0), addresses]))), addresses]);
}

/** RFC 8200 section 3. */
function ipv6(source: Address, destination: Address, length: number): Buffer {
  const start = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), u16(length), Buffer.from([UDP, HOP_LIMIT])]);
  return Buffer.concat([start, Buffer.from([...source.bytes, ...destination.bytes])]);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

function macBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}
