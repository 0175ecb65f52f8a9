/** One name, both families, one deadline: what c-ares says, as addresses and a time to keep them. */
import { BADRESP, promises as dns, NODATA, NOTFOUND, TIMEOUT } from 'node:dns';
import { type Address, parseAddress } from '../core/address.js';
import { type DnsName, parseDnsName } from '../core/host-pattern.js';
import { classify } from '../core/special-purpose.js';

export interface Answer {
  /** Empty exactly where `failure` is set. */
  readonly addresses: readonly Address[];
  readonly failure: 'name-not-found' | 'dns-failed' | 'dns-timeout' | null;
  readonly ttlSeconds: number;
}

/** A client of the configured servers, or of the system's where the list is empty. Two tries of each fit the deadline. */
export function createDnsClient(servers: readonly string[], timeoutMs: number): dns.Resolver {
  const client = new dns.Resolver({ timeout: Math.max(200, Math.ceil(timeoutMs / 3)), tries: 2 });
  if (servers.length > 0) client.setServers([...servers]);
  return client;
}

/**
 * A and AAAA together. A family that fails or stays silent does not take the other one with it: what the answer lacks
 * is never dialled. `timeoutMs`: what is left of the deadline; nothing is asked where that is over.
 */
export async function queryAddresses(client: dns.Resolver, name: DnsName, timeoutMs: number): Promise<Answer> {
  if (timeoutMs <= 0) return { addresses: [], failure: 'dns-timeout', ttlSeconds: TTL.failed };
  const families = await settleFamilies(
    [
      family(readable(client, timeoutMs, (one) => one.resolve4(name, { ttl: true }))),
      family(readable(client, timeoutMs, (one) => one.resolve6(name, { ttl: true }))),
    ],
    timeoutMs,
  );
  const addresses = families.flatMap((one) => one.addresses);
  const failure = families.find((one) => one.failure !== null)?.failure ?? null;
  if (addresses.length > 0) return { addresses, failure: null, ttlSeconds: keepFor(families, failure !== null) };
  return { addresses, failure: failure ?? 'name-not-found', ttlSeconds: failure === null ? TTL.notFound : TTL.failed };
}

/** The name of an address by PTR, for logs only; null where there is none. Never rejects. */
export async function queryName(client: dns.Resolver, address: Address): Promise<DnsName | null> {
  try {
    const [name = ''] = await client.reverse(address.text);
    return parseDnsName(name);
  } catch {
    return null;
  }
}

/**
 * Asks again, with a client of its own, where an answer could not be read: c-ares then fails every query that waits on
 * the same socket, so the answer to one name would be the failure of all others.
 */
async function readable<T>(
  client: dns.Resolver,
  timeoutMs: number,
  ask: (one: dns.Resolver) => Promise<T>,
): Promise<T> {
  try {
    return await ask(client);
  } catch (error) {
    if (codeOf(error) !== BADRESP) throw error;
    return ask(createDnsClient(client.getServers(), timeoutMs));
  }
}

/** Seconds. A private answer is a container's: it changes with a restart, whatever TTL Docker's DNS gives it. */
const TTL = { least: 1, most: 300, privateMost: 5, notFound: 5, failed: 1 } as const;
/** How long one family may lag behind an answer of the other one (RFC 8305 section 3 waits 50 ms). */
const FAMILY_GRACE_MS = 300;

interface FamilyAnswer {
  readonly addresses: readonly Address[];
  readonly ttl: number;
  readonly failure: 'dns-failed' | 'dns-timeout' | null;
}

/** Of one family. What is beyond is neither judged nor dialled; every record of the name would hold it. */
const MOST_ADDRESSES = 64;

const SILENT: FamilyAnswer = { addresses: [], ttl: 0, failure: 'dns-timeout' };

function settleFamilies(queries: readonly Promise<FamilyAnswer>[], timeoutMs: number): Promise<FamilyAnswer[]> {
  return new Promise((resolve) => {
    const answers = queries.map(() => SILENT);
    let open = queries.length;
    const finish = (): void => {
      clearTimeout(timer);
      resolve(answers);
    };
    let timer = setTimeout(finish, timeoutMs);
    queries.forEach((query, i) => {
      query.then((answer) => {
        answers[i] = answer;
        open -= 1;
        if (open === 0) return finish();
        if (answer.addresses.length === 0) return;
        clearTimeout(timer);
        timer = setTimeout(finish, Math.min(timeoutMs, FAMILY_GRACE_MS));
      });
    });
  });
}

async function family(records: Promise<readonly { address: string; ttl: number }[]>): Promise<FamilyAnswer> {
  try {
    const answered = await records;
    const addresses = answered.slice(0, MOST_ADDRESSES).flatMap(({ address }) => parseAddress(address) ?? []);
    return { addresses, ttl: Math.min(...answered.map(({ ttl }) => ttl)), failure: null };
  } catch (error) {
    const code = codeOf(error);
    if (code === NODATA || code === NOTFOUND) return { addresses: [], ttl: 0, failure: null };
    return { addresses: [], ttl: 0, failure: code === TIMEOUT ? 'dns-timeout' : 'dns-failed' };
  }
}

/** Private answers, and answers of one family while the other failed, are kept for seconds only. */
function keepFor(families: readonly FamilyAnswer[], partial: boolean): number {
  const answered = families.filter((one) => one.addresses.length > 0);
  const isPrivate = answered.some((one) => one.addresses.some((address) => classify(address).kind !== 'global'));
  const ttl = Math.min(...answered.map((one) => one.ttl));
  return Math.max(TTL.least, Math.min(ttl, isPrivate || partial ? TTL.privateMost : TTL.most));
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}
