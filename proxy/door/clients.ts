/**
 * Who is asking: by credentials in the proxy URL, else by source address; and what the log calls a client that nothing names.
 */
import type { ClientEntry } from '../config/config.js';
import { type Address, contains, parseAddress } from '../core/address.js';
import { embeddedIPv4 } from '../core/embedded.js';
import type { Lease } from '../core/lease.js';
import { classify, type LocalRanges } from '../core/special-purpose.js';
import type { Resolver } from '../net/resolver.js';
import { isSameSecret } from './same-secret.js';
import type { Soon } from './soon.js';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The client's name (null: no entry names it), or `refused` if it gave wrong credentials. */
export type Identified = { readonly outcome: 'known'; readonly name: string | null } | { readonly outcome: 'refused' };

/** What the network alone says about the client. */
export interface Origin {
  /** Text of the peer's address, from `peerAddress`. */
  readonly address: string;
  /** What the spawn guard knows of the address. */
  readonly lease: Lease | null;
  /** The client whose pod has the address, as the cluster says; null: no client's. */
  readonly pod: string | null;
}

/**
 * Credentials decide if there are any (an empty password is none): a wrong token is refused, never taken for an
 * unnamed client. An entry with a token and an address, a server or pods needs both. Without credentials, a lease names the
 * client before a pod does, and a pod before an address.
 */
export function identify(entries: readonly ClientEntry[], origin: Origin, credentials: Credentials | null): Identified {
  const isAnonymous = credentials === null || isNoCredential(entries, credentials);
  if (isAnonymous && entries.length === 0) return UNNAMED;
  const { lease } = origin;
  const covers = covererOf(origin);
  if (!isAnonymous) {
    const entry = entries.find(({ name, token }) => token !== null && name === credentials.user);
    // Always compared, so that the time reveals nothing about which names exist.
    const isFirst = isSameSecret(credentials.password, entry?.token ?? '');
    const isNext = isSameSecret(credentials.password, entry?.next ?? '');
    const isRight = isFirst || isNext;
    return entry !== undefined && isRight && covers(entry)
      ? { outcome: 'known', name: entry.name }
      : { outcome: 'refused' };
  }
  const bare = entries.filter(({ token }) => token === null);
  const entry =
    entries.find(({ name }) => lease !== null && name === lease.client) ??
    bare.find((one) => one.server !== null && covers(one)) ??
    bare.find((one) => one.server === null && one.pods !== null && covers(one)) ??
    bare.find((one) => one.server === null && one.pods === null && one.address !== null && covers(one));
  return { outcome: 'known', name: entry?.name ?? null };
}

/**
 * An empty password is none: Java sends the system's user name with an empty one, unasked. Not with a client's name:
 * whoever claims one has to prove it.
 */
function isNoCredential(entries: readonly ClientEntry[], { user, password }: Credentials): boolean {
  return password === '' && user !== '' && !entries.some(({ name }) => name === user);
}

/** The names that a client of this origin could prove with a token. */
export function namesByToken(entries: readonly ClientEntry[], origin: Origin): readonly string[] {
  const covers = covererOf(origin);
  return entries.filter((entry) => entry.token !== null && covers(entry)).map(({ name }) => name);
}

function covererOf({ address, lease, pod }: Origin): (entry: ClientEntry) => boolean {
  const parsed = parseAddress(address);
  return (entry) =>
    (entry.address === null || (parsed !== null && contains(entry.address, parsed))) &&
    (entry.server === null || (lease !== null && entry.server === lease.server)) &&
    (entry.pods === null || entry.name === pod);
}

const UNNAMED: Identified = { outcome: 'known', name: null };

/** The `Basic` credentials in a Proxy-Authorization field (RFC 7617); null if it has any other form. */
export function parseBasic(value: string): Credentials | null {
  const match = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value.trim());
  if (match?.[1] === undefined) return null;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** A peer's address without the IPv4-mapped form of dual-stack listeners; empty if the peer is gone. */
export function peerAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return '';
  if (!remoteAddress.includes(':')) return remoteAddress;
  const address = parseAddress(remoteAddress.split('%', 1)[0] ?? '');
  if (address === null) return '';
  const embedding = embeddedIPv4(address, []);
  return embedding?.form === 'IPv4-mapped' ? embedding.inner.text : address.text;
}

/** Names for clients that no configuration names: the PTR name of their address, for logs only. */
export interface ClientLabels {
  /** At once, or within WAIT_MS; null if there is none. Never rejects. */
  of(address: string): Soon<string | null>;
}

/** The address of a tool that ended goes to the next one, often within a second: an old label would name the wrong tool. */
const KEEP_MS = 500;
const WAIT_MS = 100;
const ENTRIES = 4096;

/** What is known of an address, until it has to be asked again. */
interface Known {
  readonly label: Soon<string | null>;
  readonly until: number;
}

/** Docker's DNS answers `<container>.<network>`. Only private-use addresses are looked up: no container has a loopback one. */
export function createClientLabels(resolver: Resolver, here: () => LocalRanges): ClientLabels {
  const known = new Map<string, Known>();
  const keep = (text: string, label: Soon<string | null>, until: number): void => {
    known.delete(text);
    const [oldest] = known.size < ENTRIES ? [] : known.keys();
    if (oldest !== undefined) known.delete(oldest);
    known.set(text, { label, until });
  };
  const ask = async (text: string, address: Address): Promise<string | null> => {
    const label = await resolver.reverse(address);
    keep(text, label, performance.now() + KEEP_MS);
    return label;
  };
  return {
    of(text) {
      const found = known.get(text);
      if (found !== undefined && performance.now() < found.until) return found.label;
      const address = containerAddress(text, here());
      const label = address === null ? null : within(ask(text, address));
      keep(text, label, Number.POSITIVE_INFINITY);
      return label;
    },
  };
}

/** Null for an address that no container can have. */
function containerAddress(text: string, here: LocalRanges): Address | null {
  const address = parseAddress(text);
  if (address === null) return null;
  const kind = classify(address, here).is;
  return kind.kind === 'special' && kind.opensByName ? address : null;
}

function within(label: Promise<string | null>): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), WAIT_MS);
    void label.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
