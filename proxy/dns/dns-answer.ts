/**
 * The DNS door's answer to one message (RFC 1035): pure, never forwards, and never grows a question by more than the
 * 16 octets of an A record (28 of an AAAA record) for each address and the 11 of an OPT record that the question had
 * itself. DECISIONS 76.
 */
import type { Address } from '../core/address.js';
import type { Refusal } from '../core/policy.js';
import { refusal } from '../core/refusal.js';
import { type DnsName, parseDnsName } from '../core/target.js';

export interface DnsDoorAnswer {
  /** What to send back; null where silence is the answer (responses, and what is too short to have an id). */
  readonly response: Buffer | null;
  /** The decision to record; null if there is none. `host` is null for what is not a valid DNS name. */
  readonly refused: { readonly host: DnsName | null; readonly refusal: Refusal } | null;
}

export interface DnsDoorPolicy {
  /** The addresses of names that lead here: A records for IPv4, AAAA records for IPv6. */
  readonly addresses: readonly Address[];
  /** True for a name that does not exist, whatever is asked of it: nobody has decided that, and nothing is recorded. */
  readonly isAbsent: (name: DnsName) => boolean;
  /** The refusal of a name that no steering door would let through, or null. */
  readonly decideName: (name: DnsName) => Refusal | null;
}

/** Seconds. Short, so that a client follows a sidecar that comes back with another address. */
export const ANSWER_TTL = 5;
/** The most that an EDNS query (RFC 6891) of a real client takes; a name alone is 255 octets at most. */
export const MAX_QUERY_BYTES = 1232;

const HEADER_BYTES = 12;
const QR = 0x8000;
const RD = 0x0100;
const RA = 0x0080;
const CLASS_IN = 1;
const TYPE_A = 1;
const TYPE_AAAA = 28;
/** SVCB and HTTPS (RFC 9460): an empty answer, so that no client gets around the address or learns an ECH key. */
const EMPTY_TYPES: ReadonlySet<number> = new Set([64, 65]);
const TYPE_OPT = 41;
const RCODE = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const EDNS_PAYLOAD_BYTES = 1232;

interface Query {
  /** The question section byte for byte: 0x20 case and all. */
  readonly question: Buffer;
  readonly name: DnsName | null;
  readonly type: number;
  readonly klass: number;
  readonly hasOpt: boolean;
}

/** Never throws. Denied names get NXDOMAIN: on REFUSED stub resolvers ask again, and again. */
export function answerQuery(packet: Buffer, policy: DnsDoorPolicy): DnsDoorAnswer {
  if (packet.length < HEADER_BYTES || (packet.readUInt16BE(2) & QR) !== 0) return { response: null, refused: null };
  if (((packet.readUInt16BE(2) >> 11) & 0xf) !== 0) return answer(respond(packet, null, RCODE.NOTIMP));
  const query = packet.length > MAX_QUERY_BYTES ? null : parseQuery(packet);
  if (query === null) return answer(respond(packet, null, RCODE.FORMERR));
  const { name, type } = query;
  if (query.klass === CLASS_IN && name !== null && policy.isAbsent(name))
    return answer(respond(packet, query, RCODE.NXDOMAIN));
  if (query.klass !== CLASS_IN || (familyOf(type) === null && !EMPTY_TYPES.has(type)))
    return answer(respond(packet, query, RCODE.REFUSED), name, refusal('dns-type-refused'));
  const refused = name === null ? refusal('malformed-target') : policy.decideName(name);
  if (refused !== null) return refuse(packet, query, policy, refused);
  const family = familyOf(type);
  const addresses = policy.addresses.filter((address) => address.family === family);
  return answer(respond(packet, query, RCODE.NOERROR, addresses));
}

function familyOf(type: number): Address['family'] | null {
  if (type === TYPE_A) return 4;
  return type === TYPE_AAAA ? 6 : null;
}

/** One lookup of a client asks for A, AAAA and HTTPS: the decision is recorded with the A, and with the AAAA where a client has nothing else. */
function refuse(packet: Buffer, query: Query, { addresses }: DnsDoorPolicy, refused: Refusal): DnsDoorAnswer {
  const response = respond(packet, query, RCODE.NXDOMAIN);
  const isOfIPv6 = addresses.length > 0 && addresses.every(({ family }) => family === 6);
  return query.type === (isOfIPv6 ? TYPE_AAAA : TYPE_A) ? answer(response, query.name, refused) : answer(response);
}

/** One question, nothing in the answer and authority sections, at most an OPT record after it, and no more bytes. */
function parseQuery(packet: Buffer): Query | null {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((offset) => packet.readUInt16BE(offset));
  if (questions !== 1 || answers !== 0 || authorities !== 0 || (additionals ?? 0) > 1) return null;
  const nameEnd = endOfName(packet);
  if (nameEnd === null || packet.length < nameEnd + 4) return null;
  const question = packet.subarray(HEADER_BYTES, nameEnd + 4);
  const hasOpt = additionals === 1;
  const rest = packet.subarray(nameEnd + 4);
  if (hasOpt ? !isOpt(rest) : rest.length > 0) return null;
  const type = packet.readUInt16BE(nameEnd);
  const klass = packet.readUInt16BE(nameEnd + 2);
  return { question, name: decodeName(question), type, klass, hasOpt };
}

/** The first name of a message has nothing before it to point to, so a compression pointer there is malformed. */
function endOfName(packet: Buffer): number | null {
  let offset = HEADER_BYTES;
  for (;;) {
    const length = packet[offset];
    if (length === undefined || length > 63) return null;
    offset += 1 + length;
    if (offset - HEADER_BYTES > 255) return null;
    if (length === 0) return offset;
  }
}

/** Null for an invalid name. With a dot inside a label it would read as another name. */
function decodeName(question: Buffer): DnsName | null {
  const labels: string[] = [];
  for (let at = 0, length = question[at] ?? 0; length > 0; at += 1 + length, length = question[at] ?? 0)
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
  return labels.some((label) => label.includes('.')) ? null : parseDnsName(labels.join('.'));
}

function isOpt(record: Buffer): boolean {
  if (record.length < 11 || record[0] !== 0 || record.readUInt16BE(1) !== TYPE_OPT) return false;
  return record.length === 11 + record.readUInt16BE(9);
}

function respond(packet: Buffer, query: Query | null, rcode: number, addresses: readonly Address[] = []): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  packet.copy(header, 0, 0, 2);
  // RA is set although nothing recurses: without it stub resolvers take an empty answer for a lame delegation.
  const opcode = packet.readUInt16BE(2) & 0x7800;
  header.writeUInt16BE(QR | opcode | (packet.readUInt16BE(2) & RD) | RA | rcode, 2);
  header.writeUInt16BE(query === null ? 0 : 1, 4);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt16BE(query?.hasOpt ? 1 : 0, 10);
  const none = Buffer.alloc(0);
  const records = addresses.map(addressRecord);
  return Buffer.concat([header, query?.question ?? none, ...records, query?.hasOpt ? optRecord() : none]);
}

/** The owner name is a pointer to the question's (RFC 1035 section 4.1.4). */
function addressRecord({ family, bytes }: Address): Buffer {
  const type = family === 4 ? TYPE_A : TYPE_AAAA;
  const record = Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, CLASS_IN, 0, 0, 0, 0, 0, bytes.length, ...bytes]);
  record.writeUInt32BE(ANSWER_TTL, 6);
  return record;
}

/** RFC 6891 section 6.1.1: a query with OPT is answered with OPT; version 0, no options. */
function optRecord(): Buffer {
  const record = Buffer.alloc(11);
  record.writeUInt16BE(TYPE_OPT, 1);
  record.writeUInt16BE(EDNS_PAYLOAD_BYTES, 3);
  return record;
}

function answer(response: Buffer, host: DnsName | null = null, refused: Refusal | null = null): DnsDoorAnswer {
  return { response, refused: refused === null ? null : { host, refusal: refused } };
}
