/**
 * Resolves names to addresses. Beside the dialer this is the other way out; nothing else asks DNS.
 *
 * It is a stub resolver of our own over UDP and TCP (dns-ask, dns-exchange, dns-socket), because c-ares decides by itself when
 * to give up on a server, keeps one source port for a hundred questions, and reads its servers only once; and because
 * `dns.lookup` runs on four threads, so that one slow server would stall everyone. DECISIONS 55.
 */
import type { Address } from '../core/address.js';
import { EgressError } from '../core/reasons.js';
import { classify, type LocalRanges } from '../core/special-purpose.js';
import { type DnsName, parseDnsName } from '../core/target.js';
import type { Abortable } from './abort.js';
import { type Answer, queryAddresses, queryName } from './dns-query.js';
import { createKnownAddresses, type KnownAddressesOptions } from './known-addresses.js';
import { createQueryTurns, type Query } from './query-turns.js';
import type { DnsSettingsSource } from './resolv-conf.js';

export interface Resolver {
  /**
   * Every address of `name`, at least one, if DNS need not be asked for it: from the hosts file or the cache. Null: only
   * `resolve` can tell, which may know that it has failed. Never throws.
   */
  known?(name: DnsName): readonly Address[] | null;
  /**
   * Every address of `name`, at least one, from the hosts file, the cache or DNS. Rejects with an EgressError
   * `name-not-found`, `dns-failed` or `dns-timeout`, `busy` if too many names of `asker` wait, or `client-closed` when
   * `signal` aborts; the query itself goes on for others who wait for it, and for the cache. `asker`: whose turn the query
   * takes; callers that name none count as one asker.
   */
  resolve(name: DnsName, signal: Abortable, asker?: string): Promise<readonly Address[]>;
  /** The name of an address by PTR, for logs only; null if there is none. Never rejects. */
  reverse(address: Address): Promise<DnsName | null>;
  /** The addresses of `name` could not be reached: the next `resolve` asks again, unless they are fresh from the server. */
  forget?(name: DnsName): void;
}

export interface ResolverOptions extends KnownAddressesOptions {
  /** For one name in all, with both families, every server and every retry. */
  readonly timeoutMs: number;
  /** What else is private here now. */
  readonly here: () => LocalRanges;
}

/** A query holds two sockets, and one more of each kind for every server that did not answer at once. */
const TURNS = { most: 256, mostOfZone: 64, mostWaiting: 1024 } as const;
/** The most PTR queries under way: labels for the log are not worth more. */
const MOST_REVERSE = 64;

export function createResolver(options: ResolverOptions): Resolver {
  const known = createKnownAddresses(options);
  const { settings } = known;
  const turns = createQueryTurns(TURNS);
  const inFlight = new Map<DnsName, Lookup>();
  let reversing = 0;

  const opened = (name: DnsName): Lookup => {
    const lookup = openLookup(name, options.timeoutMs, async (deadline) => {
      const answer = await queryWithSuffixes(name, { settings, here: options.here() }, deadline);
      known.keep(name, answer);
      return answer;
    });
    inFlight.set(name, lookup);
    void lookup.answer.then(() => inFlight.delete(name));
    return lookup;
  };
  const shared = async (name: DnsName, asker: string): Promise<Answer> => {
    const underWay = inFlight.get(name);
    if (underWay?.isWaiting === false) return underWay.answer;
    if (!turns.hasRoom(asker)) throw new EgressError('busy');
    const lookup = underWay ?? opened(name);
    turns.enter(lookup.query, asker);
    return lookup.answer;
  };
  return {
    known: known.addresses,
    async resolve(name, signal, asker = '') {
      const addresses = known.addresses(name);
      if (addresses !== null) return addresses;
      settings();
      const answer = known.answer(name) ?? (await unlessAborted(shared(name, asker), signal));
      if (answer.failure !== null) throw new EgressError(answer.failure);
      return answer.addresses;
    },
    async reverse(address) {
      if (reversing >= MOST_REVERSE) return null;
      reversing += 1;
      try {
        return await queryName(() => settings().servers, address, options.timeoutMs);
      } finally {
        reversing -= 1;
      }
    },
    forget: known.forget,
  };
}

interface Lookup {
  /** Never rejects. Resolves at the deadline at the latest, whether or not it has had its turn. */
  readonly answer: Promise<Answer>;
  readonly query: Query;
  readonly isWaiting: boolean;
}

const TIMED_OUT: Answer = { addresses: [], failure: 'dns-timeout', ttlSeconds: 1 };

/** `ask` must not reject; `deadline` is a time of `performance.now()`. */
function openLookup(name: DnsName, timeoutMs: number, ask: (deadline: number) => Promise<Answer>): Lookup {
  const deadline = performance.now() + timeoutMs;
  let isWaiting = true;
  let settle: (answer: Answer) => void;
  const answer = new Promise<Answer>((resolve) => {
    settle = resolve;
  });
  const timer = setTimeout(() => {
    isWaiting = false;
    settle(TIMED_OUT);
  }, timeoutMs);
  return {
    answer,
    query: {
      zone: zoneOf(name),
      get isOver() {
        return !isWaiting;
      },
      async run() {
        isWaiting = false;
        clearTimeout(timer);
        settle(await ask(deadline));
      },
    },
    get isWaiting() {
      return isWaiting;
    },
  };
}

interface Place {
  readonly settings: DnsSettingsSource;
  readonly here: LocalRanges;
}

/**
 * A name of one label may be short for one in the system's own domains (resolv.conf(5): search, ndots). A name with a dot is
 * asked for only as it is, whatever `ndots` says: with suffixes, public names would be disclosed to whoever serves those
 * domains. DECISIONS 60.
 */
async function queryWithSuffixes(name: DnsName, { settings, here }: Place, deadline: number): Promise<Answer> {
  const ask = (one: DnsName): Promise<Answer> =>
    queryAddresses({ servers: () => settings().servers, here }, one, deadline - performance.now());
  const { search, ndots } = settings();
  if (name.includes('.') || search.length === 0) return ask(name);
  const whole = ndots > 0 ? null : await ask(name);
  if (whole !== null && whole.failure !== 'name-not-found') return whole;
  for (const suffix of search) {
    const full = parseDnsName(`${name}.${suffix}`);
    const answer = full === null ? null : await ask(full);
    if (answer !== null && isOfOwnNetwork(answer, here)) return answer;
  }
  return whole ?? ask(name);
}

/**
 * Rules are matched against the name as it was asked for, so a suffix must not turn it into a public host that a rule names in
 * full. What a suffix leads to has to be private: only an `internal` exception can open that.
 */
function isOfOwnNetwork({ addresses }: Answer, here: LocalRanges): boolean {
  return addresses.length > 0 && addresses.every((address) => classify(address, here).is.kind !== 'global');
}

/**
 * The last two labels, or three if the second to last is short (`co.uk`): roughly the names that one set of servers answers
 * for, so that the owner of one name under a public suffix does not hold up the others.
 */
function zoneOf(name: DnsName): string {
  const labels = name.split('.');
  return labels.slice((labels.at(-2)?.length ?? 0) <= 3 ? -3 : -2).join('.');
}

function unlessAborted<T>(promise: Promise<T>, signal: Abortable): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new EgressError('client-closed'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
