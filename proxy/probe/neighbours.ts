/** Whether the address at which a bridge would have the host belongs to a container. */
import type { Seat } from './container.js';

/** The names of an address, from the resolver of this container; empty if there is none. Never rejects. */
export type NamesOf = (address: string) => Promise<readonly string[]>;

/**
 * The seat without bridge addresses that are containers. Newer engines give a network's first address to a container if the
 * bridge has none, and Docker's DNS calls that `<container>.<network>`. Only a name on this container's network counts, as
 * the host's resolver may know the host itself by a name. A next hop is always the host.
 */
export async function withoutNeighbours(seat: Seat, namesOf: NamesOf): Promise<Seat> {
  const networks = (await Promise.all(seat.addresses.map(namesOf))).flat().map(networkOf);
  const isNeighbour = async (address: string): Promise<boolean> => {
    if (seat.nextHops.includes(address)) return false;
    const names = await namesOf(address);
    return names.some((name) => networkOf(name) !== '' && networks.includes(networkOf(name)));
  };
  const neighbours = await Promise.all(seat.bridges.map(isNeighbour));
  return { ...seat, bridges: seat.bridges.filter((_address, i) => neighbours[i] !== true) };
}

/** What follows the first dot. */
function networkOf(name: string): string {
  return name.includes('.') ? name.slice(name.indexOf('.') + 1) : '';
}
