/** The way out: resolver, dialer and own addresses. For the doors, and for commands that only decide. */
import type { Config } from '../config/config.js';
import { resolvesForUs } from '../core/parent.js';
import type { LocalRanges } from '../core/special-purpose.js';
import type { Target } from '../core/target.js';
import type { Gate } from '../door/admit.js';
import { Deadlines } from '../net/deadlines.js';
import { createDialer, type Dialer } from '../net/dialer.js';
import { createHostAddresses, type HostAddresses } from '../net/host-addresses.js';
import { createOwnEndpoints, type OwnEndpointsSource } from '../net/interfaces.js';
import { SHARES } from '../net/memory-budget.js';
import type { DnsSettings } from '../net/resolv-conf.js';
import { createResolver, type Resolver } from '../net/resolver.js';
import { createParentDialer } from '../parent/parent-dialer.js';

export interface WayOutOptions {
  /** Called for a name of `network.hostAddresses` that cannot be resolved now. */
  readonly onUnknownHost?: (name: string) => void;
  /** Called with the DNS servers that are asked from now on. */
  readonly onDnsSettings?: (settings: DnsSettings) => void;
  /** Replace the real ones in tests. */
  readonly resolver?: Resolver;
  readonly dialer?: Dialer;
}

export interface WayOut {
  readonly gate: Gate;
  readonly own: OwnEndpointsSource;
  readonly host: HostAddresses;
  /** The wheel of the dialer, which the whole process shares. */
  readonly deadlines: Deadlines;
}

type Settings = () => Pick<Config, 'limits' | 'network' | 'parent' | 'policy'>;

/** More memory for DNS answers is of no use. Names that do not exist get a part of their share, too. */
const MOST_NAMES_BYTES = 4 * 1024 * 1024;
const NAMES_PART = 0.75;

/** `settings`: returns the configuration in force, if that can change. */
export function createWayOut(config: Config, options: WayOutOptions = {}, settings: Settings = () => config): WayOut {
  const resolver = options.resolver ?? createOwnResolver(config, options, () => settings().policy);
  const entries = () => settings().network.hostAddresses;
  const host = createHostAddresses({ entries, resolver, onUnknown: options.onUnknownHost ?? (() => {}) });
  const own = createOwnEndpoints({
    host: host.current,
    services: () => settings().network.services,
    apiServer: () => settings().network.apiServer,
  });
  const connectTimeoutMs = () => settings().limits.connectTimeoutMs;
  const deadlines = new Deadlines();
  const direct = options.dialer ?? createDialer({ connectTimeoutMs, prefersIPv6: own.hasGlobalIPv6, deadlines });
  const parent = () => settings().parent;
  const dialer = createParentDialer({ direct, resolver, own: own.current, parent, connectTimeoutMs });
  const leavesToParent = (target: Target): boolean => {
    const current = parent();
    return current !== null && resolvesForUs(current, target);
  };
  return { gate: { resolver, dialer, own: own.current, leavesToParent }, own, host, deadlines };
}

function createOwnResolver(
  { dns, limits }: Config,
  { onDnsSettings: onSettings }: WayOutOptions,
  here: () => LocalRanges,
): Resolver {
  const cacheBytes = Math.min(MOST_NAMES_BYTES, limits.memoryBytes * SHARES.names * NAMES_PART);
  return createResolver({ ...dns, here, cacheBytes, ...(onSettings && { onSettings }) });
}
