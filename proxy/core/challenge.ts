/** Whether a refused client would get another answer with credentials, so that 407 is worth sending (RFC 9110 section 15.5.8). */
import type { Address } from './address.js';
import { decideAddresses, decideHost, type Policy, type Question } from './policy.js';

/**
 * True where the question would be allowed to one of the clients `names`, or might be once DNS has answered. With an enforced
 * `clients: required`, also where knowing the client is only the first condition. `addresses`: what DNS has answered, or the
 * literal; empty where the refusal came before.
 */
export function credentialsCouldHelp(
  policy: Policy,
  question: Question,
  addresses: readonly Address[],
  names: readonly string[],
): boolean {
  if (policy.clients === 'required' && policy.mode === 'enforce') return names.length > 0;
  return names.some((name) => {
    const asked = { ...question, client: { name } };
    if (decideHost(policy, asked) !== null) return false;
    return addresses.length === 0 || decideAddresses(policy, asked, addresses).outcome === 'allow';
  });
}
