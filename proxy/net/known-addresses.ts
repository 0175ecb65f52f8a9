/**
 * What is known of a name without a query: localhost, the hosts file, and the answers of DNS, each for its time to live, all of
 * them within a bound of memory. Addresses are kept, never verdicts: a changed policy judges them again.
 */
import { LRUCache } from 'lru-cache';
import { type Address, parseAddress } from '../core/address.js';
import { isLocalhost } from '../core/special-purpose.js';
import type { DnsName } from '../core/target.js';
import type { Answer } from './dns-query.js';
import { hostsPath, openHostsFile } from './hosts-file.js';
import { type DnsSettings, type DnsSettingsSource, fixedSettings, systemSettings } from './resolv-conf.js';

export interface KnownAddresses {
  /** At least one address. Null: DNS has to be asked, or has said that there is none. Never throws. */
  readonly addresses: (name: DnsName) => readonly Address[] | null;
  /** The last answer of DNS, which may be a failure. */
  readonly answer: (name: DnsName) => Answer | null;
  readonly keep: (name: DnsName, answer: Answer) => void;
  /** Drops the answer for the name, unless it is as good as new: frequent failures must not become frequent queries. */
  readonly forget: (name: DnsName) => void;
  /** The servers to ask now. The answers of other servers are dropped, since another network has other answers. */
  readonly settings: DnsSettingsSource;
}

export interface KnownAddressesOptions {
  /** `address` or `address:port`, IPv6 in brackets with a port; empty: the system's. */
  readonly servers: readonly string[];
  readonly hostsPath?: string;
  readonly resolvConfPath?: string;
  /** Memory for names that have addresses. Names that do not exist or have failed get a quarter of that in addition. */
  readonly cacheBytes?: number;
  /** Called with the servers that are asked from now on, before the first query and whenever they change. */
  readonly onSettings?: (settings: DnsSettings) => void;
}

const CACHE_BYTES = 4 * 1024 * 1024;
/** As V8 keeps them on 64 bits, rounded up: an address with its octets and text, and an entry with its name. */
const BYTES = { entry: 512, address4: 224, address6: 352 } as const;
const AS_GOOD_AS_NEW_MS = 1000;
const LOOPBACK: readonly Address[] = ['127.0.0.1'].flatMap((text) => parseAddress(text) ?? []);

interface Entry {
  readonly answer: Answer;
  /** Milliseconds. */
  readonly since: number;
}

export function createKnownAddresses(
  options: KnownAddressesOptions,
  now: () => number = () => performance.now(),
): KnownAddresses {
  const { cacheBytes = CACHE_BYTES, servers, onSettings } = options;
  const hosts = openHostsFile(options.hostsPath ?? hostsPath());
  const found = new LRUCache<DnsName, Entry>({ maxSize: cacheBytes, sizeCalculation: sizeOf });
  // Kept apart, so that made-up names push out only each other.
  const failed = new LRUCache<DnsName, Entry>({ maxSize: Math.ceil(cacheBytes / 4), sizeCalculation: sizeOf });
  const settings = watched(settingsOf(options), (changed) => {
    found.clear();
    failed.clear();
    onSettings?.(changed);
  });
  return {
    addresses(name) {
      if (isLocalhost(name)) return LOOPBACK;
      const fixed = hosts.current().get(name);
      if (fixed !== undefined) return fixed;
      // Drops all answers if the servers have changed, which those of the configuration never do.
      if (servers.length === 0) settings();
      return found.get(name)?.answer.addresses ?? null;
    },
    answer: (name) => (found.get(name) ?? failed.get(name))?.answer ?? null,
    keep(name, answer) {
      const [into, other] = answer.failure === null ? [found, failed] : [failed, found];
      other.delete(name);
      into.set(name, { answer, since: now() }, { ttl: answer.ttlSeconds * 1000 });
    },
    forget(name) {
      const entry = found.get(name);
      if (entry !== undefined && now() - entry.since >= AS_GOOD_AS_NEW_MS) found.delete(name);
    },
    settings,
  };
}

function sizeOf({ answer }: Entry, name: DnsName): number {
  const sizes = answer.addresses.map(({ family }) => (family === 4 ? BYTES.address4 : BYTES.address6));
  return sizes.reduce((sum: number, size) => sum + size, BYTES.entry + name.length);
}

function settingsOf({ servers, resolvConfPath = '/etc/resolv.conf' }: KnownAddressesOptions): DnsSettingsSource {
  return servers.length > 0 ? fixedSettings(servers) : systemSettings(resolvConfPath);
}

/** `onChange` is called for the first settings, too. */
function watched(source: DnsSettingsSource, onChange: (settings: DnsSettings) => void): DnsSettingsSource {
  let known: DnsSettings | null = null;
  return () => {
    const settings = source();
    if (settings === known) return settings;
    const isOther = JSON.stringify(settings) !== JSON.stringify(known);
    known = settings;
    if (isOther) onChange(settings);
    return settings;
  };
}
