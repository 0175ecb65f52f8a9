/**
 * Which hosts a client has reached before. Each client has a share of its own, so that one that makes up names pushes out only
 * its own contacts. Clients that the configuration does not name share a few places, since they can choose their addresses.
 */
import { LRUCache } from 'lru-cache';

/** The share of one client: some two hundred names of usual length. */
const SHARE_BYTES = 24 * 1024;
const NAME_BYTES = 96;
const MOST_NAMED = 256;
const MOST_UNNAMED = 64;

type Hosts = LRUCache<string, true>;

export class Contacts {
  readonly #named = new LRUCache<string, Hosts>({ max: MOST_NAMED });
  readonly #unnamed = new LRUCache<string, Hosts>({ max: MOST_UNNAMED });

  /** True the first time. `isNamed`: the configuration names the client. */
  isFirst(client: string, host: string, isNamed: boolean): boolean {
    const clients = isNamed ? this.#named : this.#unnamed;
    const hosts = clients.get(client) ?? emptyShare();
    clients.set(client, hosts);
    if (hosts.get(host) === true) return false;
    hosts.set(host, true);
    return true;
  }
}

function emptyShare(): Hosts {
  return new LRUCache({ maxSize: SHARE_BYTES, sizeCalculation: (_value, host) => NAME_BYTES + host.length });
}
