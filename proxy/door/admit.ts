/**
 * From a Target to a connected socket: the steps that every door shares. Each answers what it found out, and leaves the
 * record to the door.
 */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
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
import type { Dialer } from '../net/dialer.js';
import type { Resolver } from '../net/resolver.js';
import type { Client } from './flow.js';

export interface Gate {
  readonly resolver: Resolver;
  readonly dialer: Dialer;
  readonly own: () => OwnEndpoints;
  /** True where a parent proxy may resolve the name of a target that cannot be resolved here. */
  readonly leavesToParent?: (target: Target) => boolean;
}

/** Who asks, under which policy. */
export interface Applicant {
  readonly client: Client;
  readonly policy: Policy;
}

export interface Admission {
  /** `fail`: DNS has not answered; `error` is what the resolver threw. */
  readonly verdict: Verdict | { readonly outcome: 'fail'; readonly error: unknown };
  /** Those of the name or the literal, judged or not. */
  readonly addresses: readonly Address[];
  /** Null where DNS was not asked. */
  readonly dnsMs: number | null;
}

/** Target to verdict, in the fixed order: host, DNS, addresses. Rejects for defects only. */
export async function admit(gate: Gate, applicant: Applicant, target: Target, signal: Abortable): Promise<Admission> {
  const { policy, client } = applicant;
  const { host } = target;
  const question = { target, client, own: gate.own() };
  const addresses = host.kind === 'literal' ? [host.address] : [];
  const answer = (verdict: Verdict): Admission => ({
    verdict: orChallenge(applicant, question, addresses, verdict),
    addresses,
    dnsMs: null,
  });
  const refusal = decideHost(policy, question);
  if (refusal !== null) return answer({ outcome: 'deny', ...refusal });
  if (host.kind === 'name') return admitName(gate, applicant, { ...question, name: host.name }, signal);
  return answer(decideAddresses(policy, question, addresses));
}

async function admitName(
  gate: Gate,
  applicant: Applicant,
  question: Question & { readonly name: DnsName },
  signal: Abortable,
): Promise<Admission> {
  const { policy, client } = applicant;
  const resolved = await timed(gate.resolver.resolve(question.name, signal, client.name ?? client.address));
  const dnsMs = resolved.ms;
  if (resolved.ok) {
    const addresses = resolved.value;
    const verdict = decideAddresses(policy, question, addresses);
    return { verdict: orChallenge(applicant, question, addresses, verdict), addresses, dnsMs };
  }
  const { error } = resolved;
  const isUnknown = ['name-not-found', 'dns-failed', 'dns-timeout'].includes(reasonOf(error));
  const verdict =
    isUnknown && gate.leavesToParent?.(question.target) === true
      ? decideName(policy, question, question.name)
      : ({ outcome: 'fail', error } as const);
  return { verdict, addresses: [], dnsMs };
}

/** The denial, or `client-unauthenticated` in its place where credentials could change it; the rule stays its own. */
function orChallenge(
  { policy, client }: Applicant,
  question: Question,
  addresses: readonly Address[],
  verdict: Verdict,
): Verdict {
  if (verdict.outcome === 'allow' || client.couldBe.length === 0) return verdict;
  if (!credentialsCouldHelp(policy, question, addresses, client.couldBe)) return verdict;
  return { ...verdict, reason: 'client-unauthenticated', what: null };
}

/** `error`: what the dialer threw. */
export type Dialing =
  | { readonly ok: true; readonly socket: Socket; readonly address: Address; readonly ms: number }
  | { readonly ok: false; readonly error: unknown; readonly ms: number };

/** Opens one connection, which the caller owns. Never rejects. */
export async function dial(gate: Gate, permit: Permit, signal: Abortable): Promise<Dialing> {
  const dialed = await timed(gate.dialer.dial(permit, signal));
  if (dialed.ok) return { ok: true, ...dialed.value, ms: dialed.ms };
  // A container that was started again has another address: the next request must not wait for the TTL of the old one.
  const { host } = permit.target;
  if (host.kind === 'name' && reasonOf(dialed.error) !== 'client-closed') gate.resolver.forget?.(host.name);
  return dialed;
}

type Timed<T> =
  | { readonly ok: true; readonly value: T; readonly ms: number }
  | { readonly ok: false; readonly error: unknown; readonly ms: number };

/** How long it took, whichever way it ended: in milliseconds with one decimal. */
async function timed<T>(work: Promise<T>): Promise<Timed<T>> {
  const startedAt = performance.now();
  const elapsed = (): number => Math.round((performance.now() - startedAt) * 10) / 10;
  try {
    return { ok: true, value: await work, ms: elapsed() };
  } catch (error) {
    return { ok: false, error, ms: elapsed() };
  }
}
