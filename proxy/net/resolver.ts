/**
 * Names to addresses: the second way out beside the dialer. Nothing else asks DNS.
 *
 * c-ares follows CNAME chains and repeats truncated answers over TCP. `dns.lookup` is never used: it runs on four
 * threads, so one slow server would stall everyone.
 */
import { LRUCache } from 'lru-cache';
import { type Address, parseAddress } from '../core/address.js';
import type { DnsName } from '../core/host-pattern.js';
import { EgressError } from '../core/reasons.js';
import { isLocalhost } from '../core/special-purpose.js';
import type { Abortable } from './abort.js';
import { type Answer, createDnsClient, queryAddresses, queryName } from './dns-query.js';
import { openHostsFile } from './hosts-file.js';
import { createZoneSlots } from './zone-slots.js';

export interface Resolver {
  /**
   * Every address of `name`, at least one, from the hosts file, the cache or DNS. Rejects with an EgressError
   * `name-not-found`, `dns-failed` or `dns-timeout`, or `client-closed` when `signal` aborts; the query itself goes on
   * for others who wait for it, and for the cache.
   */
  resolve(name: DnsName, signal: Abortable): Promise<readonly Address[]>;
  /** The name of an address by PTR, for logs only; null where there is none. Never rejects. */
  reverse(address: Address): Promise<DnsName | null>;
}

export interface ResolverOptions {
  /** `address` or `address:port`, IPv6 in brackets with a port; empty for those of the system. */
  readonly servers: readonly string[];
  /** For one name in all: both families, every server and every retry. */
  readonly timeoutMs: number;
  readonly hostsPath?: string;
}

const CACHE_ENTRIES = 10_000;
const NAMES_PER_ZONE = 64;

/** What is cached is addresses, never verdicts: a changed policy judges old answers anew. */
export function createResolver(options: ResolverOptions): Resolver {
  const client = createDnsClient(options.servers, options.timeoutMs);
  const hosts = openHostsFile(options.hostsPath ?? '/etc/hosts');
  const cache = new LRUCache<DnsName, Answer>({ max: CACHE_ENTRIES });
  const zones = createZoneSlots(NAMES_PER_ZONE);
  const inFlight = new Map<DnsName, Promise<Answer>>();

  const query = async (name: DnsName): Promise<Answer> => {
    const deadline = performance.now() + options.timeoutMs;
    try {
      const answer = await zones.run(name, () => queryAddresses(client, name, deadline - performance.now()));
      cache.set(name, answer, { ttl: answer.ttlSeconds * 1000 });
      return answer;
    } finally {
      inFlight.delete(name);
    }
  };
  const shared = (name: DnsName): Promise<Answer> => {
    const running = inFlight.get(name) ?? query(name);
    inFlight.set(name, running);
    return running;
  };
  return {
    async resolve(name, signal) {
      if (isLocalhost(name)) return LOOPBACK;
      const fixed = hosts.lookup(name);
      if (fixed.length > 0) return fixed;
      const answer = cache.get(name) ?? (await unlessAborted(shared(name), signal));
      if (answer.failure !== null) throw new EgressError(answer.failure);
      return answer.addresses;
    },
    reverse: (address) => queryName(client, address),
  };
}

const LOOPBACK: readonly Address[] = ['127.0.0.1'].flatMap((text) => parseAddress(text) ?? []);

function unlessAborted<T>(promise: Promise<T>, signal: Abortable): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new EgressError('client-closed'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
