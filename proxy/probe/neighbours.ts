/** Whether the address at which a bridge would have the host is a container's. */
import type { Seat } from './container.js';

/** The names of an address, from the resolver of this container; empty if there is none. Never rejects. */
export type NamesOf = (address: string) => Promise<readonly string[]>;

/**
 * The seat without the bridges that are containers. Newer engines give the first address of a network to a container if the
 * bridge has none, and Docker's DNS calls it `<container>.<network>`. Only a name on the network of this container counts:
 * the resolver of the host may have a name for the host itself. A next hop is always the host's.
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
