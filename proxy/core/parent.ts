/** A parent proxy: who it is, and which connections go through it. */
import { type Address, contains, type Prefix } from './address.js';
import type { Permit, Policy } from './policy.js';
import { classify } from './special-purpose.js';
import type { HostPattern, Target } from './target.js';

export type ParentExemption =
  | { readonly kind: 'host'; readonly host: HostPattern }
  | { readonly kind: 'address'; readonly prefix: Prefix };

export interface Parent {
  readonly protocol: 'http' | 'socks5';
  readonly target: Target;
  readonly credentials: { readonly user: string; readonly password: string } | null;
  /** Allows the parent's own address, and nothing else. */
  readonly policy: Policy;
  /** Reached without the parent. */
  readonly noProxy: readonly ParentExemption[];
  /** Who resolves names: `parent` is the weaker way, in which no address is vetted. */
  readonly resolve: 'here' | 'parent';
}

/**
 * Only what is globally reachable: a private address that was vetted here may be another machine in the parent's network.
 * An answer of DNS is handed over whole or not at all.
 */
export function goesToParent({ noProxy, policy }: Parent, { target, addresses, isByName }: Permit): boolean {
  if (isByName) return true;
  if (isExemptName(noProxy, target)) return false;
  return addresses.every((address) => classify(address, policy).is.kind === 'global' && !isExempt(noProxy, address));
}

/** True where the parent may be asked for this target by its name alone. */
export function resolvesForUs({ resolve, noProxy }: Parent, target: Target): boolean {
  return resolve === 'parent' && !isExemptName(noProxy, target);
}

function isExemptName(noProxy: readonly ParentExemption[], { host }: Target): boolean {
  return host.kind === 'name' && noProxy.some((one) => one.kind === 'host' && one.host.matches(host.name));
}

function isExempt(noProxy: readonly ParentExemption[], address: Address): boolean {
  return noProxy.some((one) => one.kind === 'address' && contains(one.prefix, address));
}
