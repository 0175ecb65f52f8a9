/**
 * DNS messages (RFC 1035 section 4): writes the question, and reads from an answer only what the question asked for. Answers
 * are hostile, as whoever owns a zone writes them. Reading takes a bounded number of steps whatever they hold: few
 * records, and for each name no more pointers than a name may have labels. DECISIONS 57.
 */
import { randomBytes } from 'node:crypto';
import dnsPacket from 'dns-packet';
import { type Address, addressFromBytes } from '../core/address.js';
import type { DnsName } from '../core/target.js';

export type Spelling = 'mixed' | 'lower';

export type QuestionType = 'A' | 'AAAA' | 'PTR';

export interface DnsQuestion {
  readonly name: string;
  readonly type: QuestionType;
}

/** Names are keys: labels with their length octets, in lower case, so that no octet of a label can pass for a dot. */
export interface DnsRecord {
  readonly owner: string;
  readonly ttl: number;
  readonly data:
    | { readonly kind: 'A' | 'AAAA'; readonly address: Address }
    | { readonly kind: 'CNAME' | 'PTR'; readonly target: string };
}

export interface DnsReply {
  readonly rcode: number;
  readonly truncated: boolean;
  readonly records: readonly DnsRecord[];
}

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** RFC 6891 and the DNS flag day of 2020: a size that passes every path unfragmented. */
const EDNS_PAYLOAD_BYTES = 1232;
const OPT: dnsPacket.OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: EDNS_PAYLOAD_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};
const HEADER_BYTES = 12;
const TYPES: Readonly<Record<number, DnsRecord['data']['kind'] | undefined>> = {
  1: 'A',
  5: 'CNAME',
  12: 'PTR',
  28: 'AAAA',
};
const ADDRESS_OCTETS = { A: 4, AAAA: 16 } as const;
const CLASS_IN = 1;
/** An answer may have more records; the rest of them is not read. */
const MOST_RECORDS = 512;
/** The most labels of a name (RFC 1035 section 3.1: 255 octets): none needs more pointers than that. */
const MOST_POINTERS = 127;
const MOST_NAME_OCTETS = 255;

/**
 * A query with a random id. In questions for addresses the letters of the name are in random case
 * (draft-vixie-dnsext-dns0x20); not in PTR questions, whose suffix Docker's DNS compares as it is. `plain`: without EDNS,
 * for old servers; `lower`: for servers that lose the case of a name.
 */
export function encodeQuery({ name, type }: DnsQuestion, edns: 'edns' | 'plain', spelling: Spelling = 'mixed'): Buffer {
  const random = randomBytes(2 + Math.ceil(name.length / 8));
  const isMixed = spelling === 'mixed' && type !== 'PTR';
  return dnsPacket.encode({
    type: 'query',
    id: random.readUInt16BE(),
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name: isMixed ? inRandomCase(name, random.subarray(2)) : name, type, class: 'IN' }],
    additionals: edns === 'edns' ? [OPT] : [],
  });
}

function inRandomCase(name: string, bits: Buffer): string {
  let mixed = '';
  for (let i = 0; i < name.length; i++) {
    const letter = name.charAt(i);
    mixed += ((bits[i >> 3] ?? 0) >> (i & 7)) & 1 ? letter.toUpperCase() : letter;
  }
  return mixed;
}

/** `foreign`: another id than the query's. `doubtful`: its id, but another question or no well-formed answer. */
export type ReadReply = DnsReply | 'foreign' | 'doubtful';

/** `match` `exact`: the question must come back in the same case, which a forger would have to guess beside the id. */
export function readReply(message: Buffer, query: Buffer, match: 'exact' | 'any-case'): ReadReply {
  if (message.length < HEADER_BYTES || message.readUInt16BE(0) !== query.readUInt16BE(0)) return 'foreign';
  const flags = message.readUInt16BE(2);
  const isResponse = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0;
  if (!isResponse || message.readUInt16BE(4) !== 1) return 'doubtful';
  const end = endOfQuestion(query);
  if (!isSameQuestion(message.subarray(HEADER_BYTES, end), query.subarray(HEADER_BYTES, end), match)) return 'doubtful';
  const truncated = (flags & 0x0200) !== 0;
  const records = truncated ? [] : readRecords(message, end);
  return records === null ? 'doubtful' : { rcode: flags & 0xf, truncated, records };
}

/** Our own query: labels without pointers, then type and class. */
function endOfQuestion(query: Buffer): number {
  let offset = HEADER_BYTES;
  for (let length = query[offset] ?? 0; length > 0; length = query[offset] ?? 0) offset += 1 + length;
  return offset + 5;
}

function isSameQuestion(a: Buffer, b: Buffer, match: 'exact' | 'any-case'): boolean {
  if (match === 'exact') return a.equals(b);
  return a.toString('latin1').toLowerCase() === b.toString('latin1').toLowerCase();
}

/** The answer section, since nothing in the sections after it was asked for. Null if it is not well-formed. */
function readRecords(message: Buffer, start: number): DnsRecord[] | null {
  const records: DnsRecord[] = [];
  let offset = start;
  const count = Math.min(message.readUInt16BE(6), MOST_RECORDS);
  for (let i = 0; i < count; i++) {
    const owner = readName(message, offset);
    if (owner === null || message.length < owner.end + 10) return null;
    const data = owner.end + 10;
    offset = data + message.readUInt16BE(owner.end + 8);
    if (offset > message.length) return null;
    const kind = message.readUInt16BE(owner.end + 2) === CLASS_IN ? TYPES[message.readUInt16BE(owner.end)] : undefined;
    const read = kind === undefined ? null : readData(kind, message, data, offset);
    if (kind !== undefined && read === null) return null;
    if (read !== null)
      records.push({ owner: owner.key, ttl: timeToLive(message.readUInt32BE(owner.end + 4)), data: read });
  }
  return records;
}

function readData(
  kind: DnsRecord['data']['kind'],
  message: Buffer,
  start: number,
  end: number,
): DnsRecord['data'] | null {
  if (kind === 'CNAME' || kind === 'PTR') {
    const name = readName(message, start);
    return name === null || name.end !== end ? null : { kind, target: name.key };
  }
  if (end - start !== ADDRESS_OCTETS[kind]) return null;
  return { kind, address: addressFromBytes([...message.subarray(start, end)]) };
}

/** RFC 2181 section 8: a value with the highest bit set means zero. */
function timeToLive(seconds: number): number {
  return seconds > 0x7fff_ffff ? 0 : seconds;
}

/** `end`: the offset behind the name, pointers not followed. These may only lead backwards (RFC 1035 section 4.1.4). */
function readName(message: Buffer, start: number): { readonly key: string; readonly end: number } | null {
  let key = '';
  let offset = start;
  let end: number | null = null;
  let lowest = start;
  for (let pointers = 0; pointers <= MOST_POINTERS; ) {
    const length = message[offset];
    if (length === undefined) return null;
    if (length === 0) return { key, end: end ?? offset + 1 };
    if (length < 64) {
      if (key.length + length + 2 > MOST_NAME_OCTETS || offset + 1 + length > message.length) return null;
      key += message.toString('latin1', offset, offset + 1 + length).toLowerCase();
      offset += 1 + length;
      continue;
    }
    const target = ((length & 0x3f) << 8) | (message[offset + 1] ?? 0);
    if (length < 192 || offset + 1 >= message.length || target >= lowest) return null;
    end ??= offset + 2;
    lowest = target;
    offset = target;
    pointers += 1;
  }
  return null;
}

/** The key under which records of this name stand. */
export function nameKey(name: DnsName | string): string {
  return name
    .split('.')
    .map((label) => String.fromCharCode(label.length) + label.toLowerCase())
    .join('');
}

/** The labels of a key with dots between them; null if a label holds a dot of its own. */
export function textOfKey(key: string): string | null {
  const labels: string[] = [];
  for (let offset = 0; offset < key.length; ) {
    const length = key.charCodeAt(offset);
    const label = key.slice(offset + 1, offset + 1 + length);
    if (label.includes('.')) return null;
    labels.push(label);
    offset += 1 + length;
  }
  return labels.join('.');
}
