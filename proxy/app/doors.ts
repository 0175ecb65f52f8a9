/** All doors of a configuration: opened one after the other, and closed together. A new door is one line here. */
import type { AddressInfo } from 'node:net';
import type { Config, DnsAnswers } from '../config/config.js';
import type { HostPort } from '../config/places.js';
import { parseAbsolute } from '../core/target.js';
import { type DnsDoor, openDnsDoor } from '../dns/dns-door.js';
import type { Arrivals } from '../door/arrivals.js';
import { type ConnectionLimits, createConnectionLimits } from '../door/connection-limits.js';
import { createFixedRelay } from '../door/fixed-relay.js';
import { boundAddresses } from '../door/relay-clients.js';
import { createTunnelDoor } from '../door/tunnel-door.js';
import { originTarget } from '../http/origin-target.js';
import { createProxyServer, type ProxyServer } from '../http/server.js';
import type { UpstreamPool } from '../http/upstream-pool.js';
import type { Link } from '../net/interfaces.js';
import { close, type Listener, listen, listener } from '../net/listen.js';
import { socksDoor } from '../socks/socks-door.js';
import { tlsDoor } from '../tls/tls-door.js';

export interface DoorsOptions {
  readonly config: Config;
  readonly arrivals: Arrivals;
  readonly pool: UpstreamPool;
  /** What the DNS door answers, by the configuration in force. */
  readonly answers: () => DnsAnswers;
  /** The interfaces as they are now. */
  readonly links: () => readonly Link[];
}

/** Where the doors for tools listen: all of `listen` and `steer` but the admin API and metrics. Null: that door is closed. */
export function toolDoors({ listen, steer }: Config): readonly (HostPort | null)[] {
  return Object.values({ ...listen, ...steer, admin: null, metrics: null });
}

export class Doors {
  readonly #options: DoorsOptions;
  readonly #connectionLimits: ConnectionLimits;
  /** Apart from the others, because tools must not use up the connections of relays, which come from the other side. */
  readonly #relayLimits: ConnectionLimits;
  readonly #fronts: readonly ProxyServer[];
  readonly #listeners: readonly Listener[];
  #dns: DnsDoor | null = null;

  constructor(options: DoorsOptions) {
    const { arrivals, pool, config } = options;
    const bounds = { turns: arrivals.turns };
    const connectionLimits = createConnectionLimits(arrivals.inForce, bounds);
    const common = { arrivals, pool, connectionLimits };
    const proxy = createProxyServer({ ...common, target: parseAbsolute, door: 'absolute' });
    const steered = createProxyServer({ ...common, target: (_, head) => originTarget(head), door: 'steer-http' });
    this.#options = options;
    this.#connectionLimits = connectionLimits;
    this.#relayLimits = createConnectionLimits(arrivals.inForce, bounds);
    this.#fronts = [proxy, steered];
    const { listen: at, steer } = config;
    this.#listeners = [
      ...listener('proxy', proxy.server, at.proxy),
      ...listener('socks', createTunnelDoor(arrivals, connectionLimits, socksDoor), at.socks),
      ...listener('steer.http', steered.server, steer.http),
      ...listener('steer.tls', createTunnelDoor(arrivals, connectionLimits, tlsDoor), steer.tls),
      ...this.#relays(),
    ];
  }

  #relays(): readonly Listener[] {
    const { arrivals, config, links } = this.#options;
    const doors = boundAddresses(toolDoors(config));
    const options = { arrivals, connectionLimits: this.#relayLimits, links, doors };
    return config.relay.flatMap((fixed, i) => listener(`relay[${i}]`, createFixedRelay(options, fixed), fixed.listen));
  }

  /** The addresses by purpose, such as `proxy` and `relay[0]`. Rejects if a door cannot be opened. */
  async open(): Promise<Map<string, AddressInfo>> {
    const { arrivals, config, links, answers } = this.#options;
    const bound = new Map<string, AddressInfo>();
    for (const { purpose, server, at } of this.#listeners) bound.set(purpose, await listen(server, at, purpose));
    const at = config.steer.dns;
    if (at !== null) {
      const connectionLimits = this.#connectionLimits;
      this.#dns = await openDnsDoor({ arrivals, connectionLimits, at, links, says: answers });
      bound.set('steer.dns', this.#dns.bound);
    }
    return bound;
  }

  get openConnections(): number {
    return this.#connectionLimits.open + this.#relayLimits.open;
  }

  get unansweredDnsPeers(): number {
    return this.#dns?.dropped ?? 0;
  }

  /** Ends the connections that wait for a request. */
  closeIdle(): void {
    for (const front of this.#fronts) front.closeIdle();
  }

  /** Ends every connection over which requests come. */
  cut(): void {
    for (const front of this.#fronts) front.closeAll();
  }

  /** Accepts no connections from now on, and resolves when all are gone. */
  async close(): Promise<void> {
    const closed = [...this.#listeners.map(({ server }) => close(server)), this.#dns?.close()];
    await Promise.all([...closed, this.#connectionLimits.empty(), this.#relayLimits.empty()]);
  }
}
