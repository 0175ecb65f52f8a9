/** From a Target to a connected socket: the steps that every door shares. */

import { credentialsCouldHelp } from '../core/challenge.js';
import type { DnsName } from '../core/host-pattern.js';
import {
  decideAddresses,
  decideHost,
  decideName,
  type OwnEndpoints,
  type Permit,
  type Policy,
  type Question,
  type Verdict,
} from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed, Dialer } from '../net/dialer.js';
import type { Resolver } from '../net/resolver.js';
import type { Attempt } from './flow.js';

export interface Gate {
  readonly resolver: Resolver;
  readonly dialer: Dialer;
  readonly own: () => OwnEndpoints;
  /** True where a parent proxy may resolve the name of a target that cannot be resolved here. */
  readonly leavesToParent?: (target: Target) => boolean;
}

/**
 * Target to verdict, in the fixed order: host, DNS, addresses. At once where nothing has to be asked; rejects with an
 * EgressError where DNS fails.
 */
export function admit(gate: Gate, attempt: Attempt, target: Target, signal: Abortable): Verdict | Promise<Verdict> {
  attempt.target = target;
  const { host } = target;
  const question = { target, client: attempt.client, own: gate.own() };
  if (host.kind === 'literal') attempt.addresses = [host.address];
  const refusal = decideHost(attempt.policy, question);
  if (refusal !== null) return orChallenge(attempt, question, { outcome: 'deny', ...refusal });
  if (host.kind === 'name') return admitName(gate, attempt, { ...question, name: host.name }, signal);
  return orChallenge(attempt, question, decideAddresses(attempt.policy, question, attempt.addresses));
}

async function admitName(
  gate: Gate,
  attempt: Attempt,
  question: Question & { readonly name: DnsName },
  signal: Abortable,
): Promise<Verdict> {
  const startedAt = performance.now();
  try {
    const { name, address } = attempt.client;
    attempt.addresses = await gate.resolver.resolve(question.name, signal, name ?? address);
  } catch (error) {
    const isUnknown = ['name-not-found', 'dns-failed', 'dns-timeout'].includes(reasonOf(error));
    if (!isUnknown || gate.leavesToParent?.(question.target) !== true) throw error;
    return decideName(attempt.policy, question, question.name);
  } finally {
    attempt.dnsMs = elapsed(startedAt);
  }
  return orChallenge(attempt, question, decideAddresses(attempt.policy, question, attempt.addresses));
}

/** The denial, or `client-unauthenticated` in its place where credentials could change it; the rule stays its own. */
function orChallenge(attempt: Attempt, question: Question, verdict: Verdict): Verdict {
  if (verdict.outcome === 'allow' || attempt.client.couldBe.length === 0) return verdict;
  const { policy, addresses, client } = attempt;
  if (!credentialsCouldHelp(policy, question, addresses, client.couldBe)) return verdict;
  return { ...verdict, reason: 'client-unauthenticated', what: null };
}

/** Opens the one connection of this attempt. Rejects with an EgressError as the dialer does. */
export async function dial(gate: Gate, attempt: Attempt, permit: Permit, signal: Abortable): Promise<Dialed> {
  const startedAt = performance.now();
  try {
    const dialed = await gate.dialer.dial(permit, signal);
    attempt.dialed = dialed.address;
    return dialed;
  } catch (error) {
    // A container that was started again has another address: the next request must not wait for the TTL of the old one.
    const { host } = permit.target;
    if (host.kind === 'name' && reasonOf(error) !== 'client-closed') gate.resolver.forget?.(host.name);
    throw error;
  } finally {
    attempt.connectMs = elapsed(startedAt);
  }
}

/** The policy in force, for doors that make attempts. */
export type PolicySource = () => Policy;

/** Milliseconds with one decimal. */
function elapsed(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 10) / 10;
}
