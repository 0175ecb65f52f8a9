/**
 * Which records are kept apart from the rest, in the ring and in a file, so that no flood of others pushes them out: alarms,
 * and a client's first contact with a host. They are kept at a rate at which they cannot push each other out either.
 */
import { LRUCache } from 'lru-cache';
import type { DecisionRecord } from './record.js';
import { isAlarm } from './repeats.js';

export type KeptTest = (record: DecisionRecord) => boolean;

/** For one client: so many at once, then one per `everyMs`. The next one: the same for all together. */
const OF_CLIENT = { burst: 16, everyMs: 10_000 } as const;
const OF_ALL = { burst: 256, everyMs: 1000 } as const;
const CLIENTS = 1024;
const MEMORY_BYTES = 1024 * 1024;
const CONTACT_BYTES = 256;

interface Bucket {
  left: number;
  at: number;
}

/** `now`: milliseconds. */
export function createKeptTest(now: () => number = () => performance.now()): KeptTest {
  const contacts = new LRUCache<string, true>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: (_value, key) => CONTACT_BYTES + key.length,
  });
  const buckets = new LRUCache<string, Bucket>({ max: CLIENTS });
  const everybody = new Map<string, Bucket>();
  const mayKeep = (kind: string, client: string): boolean => {
    const mine = buckets.get(`${kind} ${client}`) ?? { left: OF_CLIENT.burst, at: now() };
    const all = everybody.get(kind) ?? { left: OF_ALL.burst, at: now() };
    buckets.set(`${kind} ${client}`, mine);
    everybody.set(kind, all);
    fill(mine, OF_CLIENT, now());
    fill(all, OF_ALL, now());
    if (mine.left < 1 || all.left < 1) return false;
    mine.left -= 1;
    all.left -= 1;
    return true;
  };
  const isFirstContact = (client: string, { host, outcome }: DecisionRecord): boolean => {
    if (host === null) return false;
    // By zone, or made-up names in one zone would push out the others.
    const key = `${client} ${outcome} ${zoneOf(host)}`;
    if (contacts.get(key) === true) return false;
    contacts.set(key, true);
    return true;
  };
  return (record) => {
    const client = record.client.name ?? record.client.address;
    if (isAlarm(record)) return mayKeep('alarm', client);
    // By outcome: refusals, which cost a client nothing, must not use up the places of the others.
    return isFirstContact(client, record) && mayKeep(record.outcome, client);
  };
}

function fill(
  bucket: Bucket,
  { burst, everyMs }: { readonly burst: number; readonly everyMs: number },
  at: number,
): void {
  bucket.left = Math.min(burst, bucket.left + (at - bucket.at) / everyMs);
  bucket.at = at;
}

/** The last two labels, or three if the second to last is short (`co.uk`); an address as it is. */
function zoneOf(host: string): string {
  if (/^[\d.]+$|:/.test(host)) return host;
  const labels = host.split('.');
  return labels.slice((labels.at(-2)?.length ?? 0) <= 3 ? -3 : -2).join('.');
}
