/** Who is asking: by credentials in the proxy URL, else by source address. */
import type { ClientEntry } from '../config/config.js';
import { contains, parseAddress } from '../core/address.js';
import { embeddedIPv4 } from '../core/embedded.js';
import type { Lease } from '../core/lease.js';
import { isSameSecret } from './same-secret.js';

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
