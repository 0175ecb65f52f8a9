/** Which connections to the admin listener come from the tools' network: a tool has no business there. */
import type { HostPort } from '../config/places.js';
import { contains, type Prefix, parseAddress } from '../core/address.js';
import { isLoopbackHost } from '../core/loopback.js';
import type { Link } from '../net/interfaces.js';
import { peerAddress } from './clients.js';
import { boundAddresses, sharesLink } from './relay-clients.js';

export interface ConnectionEnds {
  readonly localAddress?: string | undefined;
  readonly remoteAddress?: string | undefined;
}

export interface ToolsSideOptions {
  /** Where the doors for tools listen; null: such a door is shut. */
  readonly doors: readonly (HostPort | null)[];
  /** The addresses that the engine gives to tools, if configured. */
  readonly toolsRange: () => readonly Prefix[];
  readonly links: () => readonly Link[];
}

/**
 * True for a connection to an address on which a door listens, or from a network that such an address is on. A door on
 * every address listens on this one, too: then every connection counts as a tool's, except those from the machine
 * itself; if the tools' range is known, only those from a network that holds it. Loopback is not a network.
 */
export function createToolsSide({ doors, toolsRange, links }: ToolsSideOptions): (ends: ConnectionEnds) => boolean {
  const bound = boundAddresses(doors);
  const isEverywhere = doors.some((door) => door !== null && isWildcard(door.host));
  return ({ localAddress, remoteAddress }) => {
    const [local, remote] = [peerAddress(localAddress), peerAddress(remoteAddress)];
    // The connection is gone: nobody waits for an answer.
    if (local === '') return true;
    if (isLoopbackHost(local)) return false;
    if (bound.some(({ text }) => text === local) || sharesLink(links(), bound, [local, remote])) return true;
    if (!isEverywhere) return false;
    const range = toolsRange();
    return range.length === 0 ? local !== remote : isWithin(range, links(), [local, remote]);
  };
}

/**
 * The same for a listener that shows only counters. If a door is on every address and nothing says which addresses the
 * tools have, tools cannot be told from others, and everybody is heard: in a pod that is the kubelet, and who else may come is for
 * a NetworkPolicy to say.
 */
export function createKnownToolsSide(options: ToolsSideOptions): (ends: ConnectionEnds) => boolean {
  const doors = options.doors.filter((door) => door !== null && !isWildcard(door.host));
  const isApart = createToolsSide({ ...options, doors });
  return (ends) => {
    const remote = parseAddress(peerAddress(ends.remoteAddress));
    if (remote === null || isLoopbackHost(peerAddress(ends.localAddress))) return false;
    return isApart(ends) || options.toolsRange().some((prefix) => contains(prefix, remote));
  };
}

function isWithin(range: readonly Prefix[], links: readonly Link[], ends: readonly string[]): boolean {
  const addresses = ends.flatMap((text) => parseAddress(text) ?? []);
  if (addresses.some((address) => range.some((prefix) => contains(prefix, address)))) return true;
  const inner = range.map(({ address }) => address);
  return sharesLink(links, inner, ends);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
