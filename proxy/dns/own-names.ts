/** Which names the DNS door knows without a decision: those of the place, and what a search list makes of others. */

import type { Policy } from '../core/policy.js';
import type { DnsName } from '../core/target.js';

/** True for a suffix itself and for every name below it. */
export function endsInSuffix(suffixes: readonly DnsName[], name: DnsName): boolean {
  return suffixes.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}

/** True if a rule has this very name: then it was not put together from a search list. */
export function isNamedWhole({ allow, deny, internal }: Policy, name: DnsName): boolean {
  return [...deny, ...internal, ...allow].some(({ host }) => host?.text === name);
}
