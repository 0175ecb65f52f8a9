/** Asks for one name in both families within one deadline: its addresses, and how long to keep them. */
import type { Address } from '../core/address.js';
import { classify, type LocalRanges } from '../core/special-purpose.js';
import { type DnsName, parseDnsName } from '../core/target.js';
import { type Asking, askServers } from './dns-ask.js';
import { type DnsRecord, type DnsReply, nameKey, RCODE, textOfKey } from './dns-message.js';
import type { DnsServer } from './dns-server.js';

export interface Answer {
  /** Empty exactly where `failure` is set. */
  readonly addresses: readonly Address[];
  readonly failure: 'name-not-found' | 'dns-failed' | 'dns-timeout' | null;
  readonly ttlSeconds: number;
}

type Servers = () => readonly DnsServer[];

interface Asked {
  readonly servers: Servers;
  /** Says what is private here: such answers are kept for a shorter time. */
  readonly here: LocalRanges;
}

/**
 * A and AAAA together. If one family fails or stays silent, the other one is used alone, as nothing is dialled that was not
 * answered. `timeoutMs`: what is left of the deadline; nothing is asked if that is none.
 */
export async function queryAddresses({ servers, here }: Asked, name: DnsName, timeoutMs: number): Promise<Answer> {
  if (timeoutMs <= 0) return { addresses: [], failure: 'dns-timeout', ttlSeconds: TTL.failed };
  const askings = (['A', 'AAAA'] as const).map((type) => ({
    type,
    asking: askServers(servers, { name, type }, timeoutMs),
  }));
  const families = await settleFamilies(
    askings.map(({ asking }) => asking),
    askings.map(({ type, asking }) => asking.answer.then((reply) => familyAnswer(name, type, reply))),
  );
  const addresses = families.flatMap((one) => one.addresses);
  const failure = families.find((one) => one.failure !== null)?.failure ?? null;
  if (addresses.length > 0)
    return { addresses, failure: null, ttlSeconds: keepFor(families, { partial: failure !== null, here }) };
  return { addresses, failure: failure ?? 'name-not-found', ttlSeconds: failure === null ? TTL.notFound : TTL.failed };
}

/** The name of an address by PTR, for logs only; null if there is none. Never rejects. */
export async function queryName(servers: Servers, address: Address, timeoutMs: number): Promise<DnsName | null> {
  const name = pointerName(address);
  const reply = await askServers(servers, { name, type: 'PTR' }, timeoutMs).answer;
  if (typeof reply === 'string') return null;
  const key = nameKey(name);
  for (const { owner, data } of reply.records) {
    if (owner === key && data.kind === 'PTR') return parseDnsName(textOfKey(data.target) ?? '');
  }
  return null;
}

/** RFC 1035 section 3.5, RFC 3596 section 2.5. */
function pointerName({ family, bytes }: Address): string {
  if (family === 4) return `${[...bytes].reverse().join('.')}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte >> 4, byte & 15]).map((nibble) => nibble.toString(16));
  return `${nibbles.reverse().join('.')}.ip6.arpa`;
}

/** Seconds. A private address is mostly a container's, and changes with its restart, whatever TTL Docker's DNS gives. */
const TTL = { least: 1, most: 300, privateMost: 5, notFound: 5, failed: 1 } as const;
/** How long one family may lag behind an answer of the other one (RFC 8305 section 3 waits 50 ms). */
const FAMILY_GRACE_MS = 300;

interface FamilyAnswer {
  readonly addresses: readonly Address[];
  readonly ttl: number;
  readonly failure: 'dns-failed' | 'dns-timeout' | null;
}

/** In one family. Further ones are neither judged nor dialled: every decision record of the name would list them. */
const MOST_ADDRESSES = 64;
/** In one answer. Real chains are shorter; a longer one counts as no answer. */
const MOST_ALIASES = 16;

/** Each family ends at its own deadline; one that lags behind the other is cancelled. */
async function settleFamilies(
  askings: readonly Asking[],
  answers: readonly Promise<FamilyAnswer>[],
): Promise<FamilyAnswer[]> {
  let grace: NodeJS.Timeout | undefined;
  const onAnswer = ({ addresses }: FamilyAnswer): void => {
    if (addresses.length === 0) return;
    // One more turn of the loop, so that an answer that came while this process was busy is still read.
    grace ??= setTimeout(() => {
      setImmediate(() => {
        for (const asking of askings) asking.cancel();
      });
    }, FAMILY_GRACE_MS);
  };
  for (const answer of answers) answer.then(onAnswer);
  const settled = await Promise.all(answers);
  clearTimeout(grace);
  return settled;
}

function familyAnswer(name: DnsName, type: 'A' | 'AAAA', reply: DnsReply | 'failed' | 'timeout'): FamilyAnswer {
  if (typeof reply === 'string') return { addresses: [], ttl: 0, failure: `dns-${reply}` };
  if (reply.rcode === RCODE.NXDOMAIN) return { addresses: [], ttl: 0, failure: null };
  const found = alongAliases(nameKey(name), type, reply);
  if (found === null) return { addresses: [], ttl: 0, failure: 'dns-failed' };
  return { ...found, failure: null };
}

/**
 * The addresses of the name and of each name that a chain of CNAMEs leads to from it. Records of other names are ignored.
 * Null if the chain is too long or circular.
 */
function alongAliases(
  start: string,
  type: 'A' | 'AAAA',
  { records }: DnsReply,
): { readonly addresses: Address[]; readonly ttl: number } | null {
  const byOwner = groupByOwner(records);
  const addresses: Address[] = [];
  let ttl = Number.POSITIVE_INFINITY;
  let owner: string | null = start;
  for (let aliases = 0; owner !== null; aliases++) {
    if (aliases > MOST_ALIASES) return null;
    let alias: string | null = null;
    for (const { data, ttl: kept } of byOwner.get(owner) ?? NO_RECORDS) {
      if (data.kind === type && addresses.length < MOST_ADDRESSES) addresses.push(data.address);
      else if (data.kind === 'CNAME') alias ??= data.target;
      else continue;
      ttl = Math.min(ttl, kept);
    }
    owner = alias;
  }
  return { addresses, ttl };
}

const NO_RECORDS: readonly DnsRecord[] = [];

function groupByOwner(records: readonly DnsRecord[]): ReadonlyMap<string, readonly DnsRecord[]> {
  const groups = new Map<string, DnsRecord[]>();
  for (const record of records) {
    const group = groups.get(record.owner);
    if (group === undefined) groups.set(record.owner, [record]);
    else group.push(record);
  }
  return groups;
}

/** Private answers, and answers without a family that failed, are kept for seconds only. */
function keepFor(
  families: readonly FamilyAnswer[],
  { partial, here }: { readonly partial: boolean; readonly here: LocalRanges },
): number {
  const answered = families.filter((one) => one.addresses.length > 0);
  const isPrivate = answered.some((one) =>
    one.addresses.some((address) => classify(address, here).is.kind !== 'global'),
  );
  const ttl = Math.min(...answered.map((one) => one.ttl));
  return Math.max(TTL.least, Math.min(ttl, isPrivate || partial ? TTL.privateMost : TTL.most));
}
