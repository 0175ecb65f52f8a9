/** Whether a refusal would be another answer to a client that says who it is (RFC 9110 section 15.5.8). */
import type { Address } from './address.js';
import { decideAddresses, decideHost, type Policy, type Question } from './policy.js';

/**
 * True where the question, asked by one of the clients `names`, would be allowed, or might be once DNS has answered.
 * Where the policy requires a client that it knows: for whoever can become one. `addresses`: what DNS has answered, or the
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
