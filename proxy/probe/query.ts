/** Asks for a name that nobody has asked for before, and reads from the answer what the resolver does. */
import { isBareAbsence, readReply } from './dns.js';
import type { Observation } from './try.js';

export type Ask = (
  question: { readonly name: string; readonly type: 'A' | 'TXT' },
  read: (reply: Uint8Array) => Observation,
) => Promise<Observation>;

/** A name that certainly exists. */
const KNOWN_NAME = 'a.root-servers.net';

/**
 * `doors`: addresses of the proxy. A resolver that answers with its own address is a DNS door of the proxy as well, one with
 * `steer.address`.
 */
export async function seeQuery(
  { server, name, type }: { readonly server: string; readonly name: string; readonly type: 'A' | 'TXT' },
  doors: readonly string[],
  ask: Ask,
): Promise<Observation> {
  let isBare = false;
  const read = (reply: Uint8Array): Observation => {
    isBare = isBareAbsence(reply);
    return readReply(reply, [...doors, server]);
  };
  const first = await ask({ name, type }, read);
  if (type !== 'A' || !isBare) return first;
  return (await isOwnDoor(name, [...doors, server], ask)) ? { sight: 'steered', detail: 'it refuses the name' } : first;
}

/**
 * With `policy.default: none` the DNS door answers that a name does not exist, as a zone would. No forwarding resolver does so
 * for a name that exists, without the zone's own record, and also refuses every TXT question.
 */
async function isOwnDoor(name: string, doors: readonly string[], ask: Ask): Promise<boolean> {
  const text = await ask({ name, type: 'TXT' }, (reply) => readReply(reply, doors));
  if (text.sight !== 'inside' || text.detail !== 'REFUSED') return false;
  let isAbsent = false;
  const known = await ask({ name: KNOWN_NAME, type: 'A' }, (reply) => {
    isAbsent = isBareAbsence(reply);
    return readReply(reply, doors);
  });
  return isAbsent || known.sight === 'steered';
}
