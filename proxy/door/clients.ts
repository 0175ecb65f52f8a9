/** Who is asking: by credentials in the proxy URL, else by source address. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ClientEntry } from '../config/config.js';
import { contains, parseAddress } from '../core/address.js';
import { embeddedIPv4 } from '../core/embedded.js';
import type { Lease } from '../core/lease.js';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The client's name (null: no entry names it), or `refused` where credentials are given and wrong. */
export type Identified = { readonly outcome: 'known'; readonly name: string | null } | { readonly outcome: 'refused' };

/** Who it is by the network alone. */
export interface Origin {
  /** Text of the peer's address, from `peerAddress`. */
  readonly address: string;
  /** What the spawn guard knows of the address. */
  readonly lease: Lease | null;
}

/**
 * Credentials decide where there are any: a wrong token is refused, never taken for an unnamed client. An entry with
 * a token and an address or a server needs both. Without credentials, a lease names the client before an address does.
 */
export function identify(
  entries: readonly ClientEntry[],
  { address, lease }: Origin,
  credentials: Credentials | null,
): Identified {
  if (credentials === null && entries.length === 0) return UNNAMED;
  const parsed = parseAddress(address);
  const isServer = ({ server }: ClientEntry): boolean => lease !== null && server === lease.server;
  const covers = (entry: ClientEntry): boolean =>
    (entry.address === null || (parsed !== null && contains(entry.address, parsed))) &&
    (entry.server === null || isServer(entry));
  if (credentials !== null) {
    const entry = entries.find(({ name, token }) => token !== null && name === credentials.user);
    // Compared in any case, so that the time says nothing about which names exist.
    const isFirst = sameSecret(credentials.password, entry?.token ?? '');
    const isNext = sameSecret(credentials.password, entry?.next ?? '');
    const isRight = isFirst || isNext;
    return entry !== undefined && isRight && covers(entry)
      ? { outcome: 'known', name: entry.name }
      : { outcome: 'refused' };
  }
  const bare = entries.filter(({ token }) => token === null);
  const entry =
    entries.find(({ name }) => lease !== null && name === lease.client) ??
    bare.find((one) => isServer(one) && covers(one)) ??
    bare.find((one) => one.server === null && one.address !== null && covers(one));
  return { outcome: 'known', name: entry?.name ?? null };
}

const UNNAMED: Identified = { outcome: 'known', name: null };

/** `Basic` credentials of a Proxy-Authorization field (RFC 7617); null where they are in no such form. */
export function parseBasic(value: string): Credentials | null {
  const match = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value.trim());
  if (match?.[1] === undefined) return null;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The address of a peer without the IPv4-mapped form of dual-stack listeners; empty where the peer is gone. */
export function peerAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return '';
  if (!remoteAddress.includes(':')) return remoteAddress;
  const address = parseAddress(remoteAddress.split('%', 1)[0] ?? '');
  if (address === null) return '';
  const embedding = embeddedIPv4(address, []);
  return embedding?.form === 'IPv4-mapped' ? embedding.inner.text : address.text;
}

/** Digests have one length, so the comparison takes one time whatever was sent. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b)) && a.length > 0;
}
