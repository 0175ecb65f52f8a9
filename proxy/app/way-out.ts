/** The way out: resolver, dialer and own addresses. For the doors, and for commands that only decide. */
import type { Config, InForce } from '../config/config.js';
import { resolvesForUs } from '../core/parent.js';
import type { LocalRanges } from '../core/special-purpose.js';
import type { Target } from '../core/target.js';
import type { Gate } from '../door/admit.js';
import { Deadlines } from '../net/deadlines.js';
import { createDialer, type Dialer } from '../net/dialer.js';
import { HostAddresses } from '../net/host-addresses.js';
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

type Settings = InForce<'limits' | 'network' | 'parent' | 'policy'>;

/** More memory for DNS answers is of no use. Names that do not exist get a part of their share, too. */
const MOST_NAMES_BYTES = 4 * 1024 * 1024;
const NAMES_PART = 0.75;

/** `inForce`: the configuration in force, if that can change. */
export function createWayOut(
  config: Config,
  options: WayOutOptions = {},
  inForce: Settings = { settings: config },
): WayOut {
  const resolver = options.resolver ?? createOwnResolver(config, options, () => inForce.settings.policy);
  const host = new HostAddresses({ inForce, resolver, onUnknown: options.onUnknownHost ?? (() => {}) });
  const own = createOwnEndpoints({ host, inForce });
  const deadlines = new Deadlines();
  const direct = options.dialer ?? createDialer({ inForce, prefersIPv6: own.hasGlobalIPv6, deadlines });
  const dialer = createParentDialer({ direct, resolver, own: own.current, inForce });
  const leavesToParent = (target: Target): boolean => {
    const { parent } = inForce.settings;
    return parent !== null && resolvesForUs(parent, target);
  };
  const gate = { resolver, dialer, direct: { dialer: direct, inForce }, own: own.current, leavesToParent };
  return { gate, own, host, deadlines };
}

function createOwnResolver(
  { dns, limits }: Config,
  { onDnsSettings: onSettings }: WayOutOptions,
  here: () => LocalRanges,
): Resolver {
  const cacheBytes = Math.min(MOST_NAMES_BYTES, limits.memoryBytes * SHARES.names * NAMES_PART);
  return createResolver({ ...dns, here, cacheBytes, ...(onSettings && { onSettings }) });
}
