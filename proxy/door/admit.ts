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
import type { Flow } from './flow.js';

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
export function admit(gate: Gate, flow: Flow, target: Target, signal: Abortable): Verdict | Promise<Verdict> {
  flow.target = target;
  const { host } = target;
  const question = { target, client: flow.client, own: gate.own() };
  if (host.kind === 'literal') flow.addresses = [host.address];
  const refusal = decideHost(flow.policy, question);
  if (refusal !== null) return orChallenge(flow, question, { outcome: 'deny', ...refusal });
  if (host.kind === 'name') return admitName(gate, flow, { ...question, name: host.name }, signal);
  return orChallenge(flow, question, decideAddresses(flow.policy, question, flow.addresses));
}

async function admitName(
  gate: Gate,
  flow: Flow,
  question: Question & { readonly name: DnsName },
  signal: Abortable,
): Promise<Verdict> {
  const startedAt = performance.now();
  try {
    const { name, address } = flow.client;
    flow.addresses = await gate.resolver.resolve(question.name, signal, name ?? address);
  } catch (error) {
    const isUnknown = ['name-not-found', 'dns-failed', 'dns-timeout'].includes(reasonOf(error));
    if (!isUnknown || gate.leavesToParent?.(question.target) !== true) throw error;
    return decideName(flow.policy, question, question.name);
  } finally {
    flow.dnsMs = elapsed(startedAt);
  }
  return orChallenge(flow, question, decideAddresses(flow.policy, question, flow.addresses));
}

/** The denial, or `client-unauthenticated` in its place where credentials could change it; the rule stays its own. */
function orChallenge(flow: Flow, question: Question, verdict: Verdict): Verdict {
  if (verdict.outcome === 'allow' || flow.client.couldBe.length === 0) return verdict;
  const { policy, addresses, client } = flow;
  if (!credentialsCouldHelp(policy, question, addresses, client.couldBe)) return verdict;
  return { ...verdict, reason: 'client-unauthenticated', what: null };
}

/** Opens the one connection of this flow. Rejects with an EgressError as the dialer does. */
export async function dial(gate: Gate, flow: Flow, permit: Permit, signal: Abortable): Promise<Dialed> {
  const startedAt = performance.now();
  try {
    const dialed = await gate.dialer.dial(permit, signal);
    flow.dialed = dialed.address;
    return dialed;
  } catch (error) {
    // A container that was started again has another address: the next request must not wait for the TTL of the old one.
    const { host } = permit.target;
    if (host.kind === 'name' && reasonOf(error) !== 'client-closed') gate.resolver.forget?.(host.name);
    throw error;
  } finally {
    flow.connectMs = elapsed(startedAt);
  }
}

/** The policy in force, for doors that make flows. */
export type PolicySource = () => Policy;

/** Milliseconds with one decimal. */
function elapsed(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 10) / 10;
}
