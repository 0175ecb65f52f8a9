/** What we read of a Pod object. Its author may have written anything into it except what the API server sets. */
import { type Address, isLoopback, parseAddress } from '../core/address.js';
import { embeddedIPv4 } from '../core/embedded.js';

export interface Pod {
  /** Unique in its namespace at any one time. */
  readonly name: string;
  readonly uid: string;
  /** In canonical form: the addresses from which this pod connects. Empty for a pod that has ended or is about to. */
  readonly addresses: readonly string[];
  /** True if it runs and its addresses are its own; a pod on the host's network has those of its node. */
  readonly isItself: boolean;
  readonly labels: Mapping;
}

type Mapping = Readonly<Record<string, unknown>>;

/** The API allows one of each family. */
const MOST_ADDRESSES = 8;

/** Null if it is no pod of `namespace`. Never throws. */
export function readPod(object: unknown, namespace: string): Pod | null {
  const { metadata, spec, status } = mapping(object);
  const { name, uid, labels, deletionTimestamp, namespace: of } = mapping(metadata);
  if (!isText(name) || !isText(uid) || of !== namespace) return null;
  const { phase } = mapping(status);
  const hasEnded = isSet(deletionTimestamp) || phase === 'Succeeded' || phase === 'Failed';
  const found = hasEnded ? [] : addressesOf(mapping(status));
  const isOfHost = mapping(spec).hostNetwork === true || found.some((text) => hostAddresses(mapping(status)).has(text));
  return { name, uid, addresses: found, isItself: phase === 'Running' && !isOfHost, labels: mapping(labels) };
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function addressesOf({ podIP, podIPs }: Mapping): string[] {
  const listed = Array.isArray(podIPs) ? podIPs.slice(0, MOST_ADDRESSES).map((item) => mapping(item).ip) : [];
  return [...new Set([podIP, ...listed].flatMap((text) => canonical(text) ?? []))];
}

function hostAddresses({ hostIP, hostIPs }: Mapping): ReadonlySet<string> {
  const listed = Array.isArray(hostIPs) ? hostIPs.slice(0, MOST_ADDRESSES).map((item) => mapping(item).ip) : [];
  return new Set([hostIP, ...listed].flatMap((text) => canonical(text) ?? []));
}

/** The form in which doors know a peer: an IPv4-mapped address is the IPv4 address. */
function canonical(text: unknown): string | null {
  const address = isText(text) ? parseAddress(text) : null;
  if (address === null || isNobody(address)) return null;
  const embedding = embeddedIPv4(address, []);
  const inner = embedding?.form === 'IPv4-mapped' ? embedding.inner : address;
  return isNobody(inner) ? null : inner.text;
}

/** Loopback and the unspecified address, to which a forged status must not give a name. */
function isNobody(address: Address): boolean {
  return isLoopback(address) || address.bytes.every((byte) => byte === 0);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 256;
}

export function mapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
