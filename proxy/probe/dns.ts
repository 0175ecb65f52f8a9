/** One DNS question, and what its answer says about who gave it. */
import { decode, encode, RECURSION_DESIRED } from 'dns-packet';
import type { Observation } from './try.js';

/** `name` holds a random label, so the id needs to hold no secret. */
export function questionBytes(name: string, type: 'A' | 'TXT'): Uint8Array {
  return encode({ type: 'query', id: 1, flags: RECURSION_DESIRED, questions: [{ type, name }] });
}

/**
 * For a name that nobody knows, only whoever has the zone answers NXDOMAIN or a wildcard's address: such an answer came from
 * outside. A resolver that keeps the question inside refuses it, fails, or leads to the proxy.
 */
export function readReply(bytes: Uint8Array, proxyAddresses: readonly string[]): Observation {
  const reply = decoded(bytes);
  if (reply === null) return { sight: 'answered', detail: 'bytes that are not a DNS message' };
  const { rcode, answers = [], authorities = [] } = reply;
  const steered =
    answers.length > 0 &&
    answers.every((a) => (a.type === 'A' || a.type === 'AAAA') && proxyAddresses.includes(a.data));
  if (steered) return { sight: 'steered', detail: '' };
  if (rcode === 'NXDOMAIN') return { sight: 'answered', detail: 'NXDOMAIN' };
  if (rcode !== 'NOERROR') return { sight: 'inside', detail: rcode };
  if (answers.length + authorities.length === 0) return { sight: 'inside', detail: 'an empty answer' };
  return { sight: 'answered', detail: `${answers.length} records` };
}

/** True for an answer that the name does not exist, without the zone's SOA, which an answer from the zone would have (RFC 2308). */
export function isBareAbsence(bytes: Uint8Array): boolean {
  const reply = decoded(bytes);
  return reply !== null && reply.rcode === 'NXDOMAIN' && (reply.authorities ?? []).length === 0;
}

function decoded(bytes: Uint8Array) {
  try {
    const packet = decode(Buffer.from(bytes));
    return { ...packet, rcode: 'rcode' in packet ? String(packet.rcode) : 'NOERROR' };
  } catch {
    return null;
  }
}
