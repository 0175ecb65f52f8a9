/** Warns of names that look like what policy and grants allow now. */

import { LookAlikes } from '../../core/look-alike.js';
import type { Policy } from '../../core/policy.js';
import type { GrantedRule } from '../../core/run-time.js';
import type { HostPattern } from '../../core/target.js';

export interface Allowing {
  readonly policy: () => Policy;
  readonly grants: () => readonly GrantedRule[];
}

/** The list of what is allowed is made when it is needed, and again when policy or grants are others. */
export function createNameWarnings({ policy, grants }: Allowing): (host: string) => string | null {
  let made: { policy: Policy; grants: readonly GrantedRule[]; alike: LookAlikes } | null = null;
  return (host) => {
    const now = { policy: policy(), grants: grants() };
    if (made === null || made.policy !== now.policy || made.grants !== now.grants)
      made = { ...now, alike: lookAlikes(now.policy, now.grants) };
    return made.alike.warning(host);
  };
}

function lookAlikes({ allow, internal }: Policy, grants: readonly GrantedRule[]): LookAlikes {
  const granted = grants.filter(({ effect }) => effect === 'allow');
  return new LookAlikes(hostsOf([...allow, ...internal]), hostsOf(granted));
}

function hostsOf(rules: readonly Pick<GrantedRule, 'host'>[]): HostPattern[] {
  return rules.flatMap(({ host }) => host ?? []);
}
