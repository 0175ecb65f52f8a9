/**
 * From a Target to a connected socket: the steps that every door shares. Each returns what it found out, and leaves the
 * record to the door.
 */
import type { Socket } from 'node:net';
import type { InForce } from '../config/config.js';
import type { Address } from '../core/address.js';
import { credentialsCouldHelp } from '../core/challenge.js';
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
import type { DnsName, Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import { type Dialer, dialed } from '../net/dialer.js';
import type { Resolver } from '../net/resolver.js';
import type { Client } from './flow.js';
import type { Soon } from './soon.js';

export interface Gate {
  readonly resolver: Resolver;
  /** Goes through the parent proxy, if there is one. */
  readonly dialer: Dialer;
  /** The dialer that knows of no parent, and the settings that say whether there is one now; absent: `dialer` takes all. */
  readonly direct?: { readonly dialer: Dialer; readonly inForce: InForce<'parent'> };
  readonly own: () => OwnEndpoints;
  /** True if a parent proxy may resolve the name of a target that cannot be resolved here. */
  readonly leavesToParent?: (target: Target) => boolean;
}

/** Who asks, and under which policy. */
export interface Applicant {
  readonly client: Client;
  readonly policy: Policy;
}

/** A client that may have to wait for DNS. */
export interface Patient {
  /** Aborts when it is lost. Read only when there is something to wait for. */
  readonly lost: Abortable;
}

export interface Admission {
  /** `fail`: DNS has not answered; `error` is what the resolver threw. */
  readonly verdict: Verdict | { readonly outcome: 'fail'; readonly error: unknown };
  /** The addresses of the name or the literal, judged or not. */
  readonly addresses: readonly Address[];
  /** Null for a literal, and for what is refused without its addresses; 0 for addresses that were at hand. */
  readonly dnsMs: number | null;
}

/**
 * Target to verdict, in a fixed order: host, DNS, addresses. A literal is judged once, as an address.
 * Throws and rejects for defects only.
 */
export function admit(gate: Gate, applicant: Applicant, target: Target, patient: Patient): Soon<Admission> {
  const { policy, client } = applicant;
  const { host } = target;
  const question = { target, client, own: gate.own() };
  if (host.kind === 'literal') return admitted(applicant, question, [host.address], null);
  const refused = decideHost(policy, question);
  if (refused !== null) {
    const verdict = orChallenge(applicant, question, [], { outcome: 'deny', ...refused });
    return { verdict, addresses: [], dnsMs: null };
  }
  const known = gate.resolver.known?.(host.name) ?? null;
  if (known !== null) return admitted(applicant, question, known, 0);
  return admitName(gate, applicant, { ...question, name: host.name }, patient.lost);
}

function admitted(
  applicant: Applicant,
  question: Question,
  addresses: readonly Address[],
  dnsMs: number | null,
): Admission {
  const verdict = decideAddresses(applicant.policy, question, addresses);
  if (verdict.outcome === 'allow') return { verdict, addresses, dnsMs };
  return { verdict: orChallenge(applicant, question, addresses, verdict), addresses, dnsMs };
}

async function admitName(
  gate: Gate,
  applicant: Applicant,
  question: Question & { readonly name: DnsName },
  signal: Abortable,
): Promise<Admission> {
  const { policy, client } = applicant;
  const startedAt = performance.now();
  try {
    const addresses = await gate.resolver.resolve(question.name, signal, client.name ?? client.address);
    return admitted(applicant, question, addresses, since(startedAt));
  } catch (error) {
    const isUnknown = ['name-not-found', 'dns-failed', 'dns-timeout'].includes(reasonOf(error));
    const verdict =
      isUnknown && gate.leavesToParent?.(question.target) === true
        ? decideName(policy, question, question.name)
        : ({ outcome: 'fail', error } as const);
    return { verdict, addresses: [], dnsMs: since(startedAt) };
  }
}

type Denied = Extract<Verdict, { readonly outcome: 'deny' }>;

/** The denial, or `client-unauthenticated` in its place if credentials could change it; the rule stays that of the denial. */
function orChallenge(
  { policy, client }: Applicant,
  question: Question,
  addresses: readonly Address[],
  verdict: Denied,
): Denied {
  if (client.couldBe.length === 0) return verdict;
  if (!credentialsCouldHelp(policy, question, addresses, client.couldBe)) return verdict;
  return { ...verdict, reason: 'client-unauthenticated', what: null };
}

/** A Permit by name was issued for a parent: if that is gone by now, it is for `dialer` to refuse. */
export function dialerFor({ dialer, direct }: Gate, { isByName }: Permit): Dialer {
  return direct !== undefined && direct.inForce.settings.parent === null && !isByName ? direct.dialer : dialer;
}

/** `error`: what the dialer threw. */
export type Dialing =
  | { readonly ok: true; readonly socket: Socket; readonly address: Address; readonly ms: number }
  | { readonly ok: false; readonly error: unknown; readonly ms: number };

/** Opens one connection, which the caller owns. Never rejects. */
export async function dial(gate: Gate, permit: Permit, signal: Abortable): Promise<Dialing> {
  const startedAt = performance.now();
  try {
    const { socket, address } = await dialed(dialerFor(gate, permit), permit, signal);
    return { ok: true, socket, address, ms: since(startedAt) };
  } catch (error) {
    forgetName(gate, permit.target, error);
    return { ok: false, error, ms: since(startedAt) };
  }
}

/** A restarted container has another address: the next request must not wait for the old one's TTL. */
export function forgetName({ resolver }: Gate, { host }: Target, error: unknown): void {
  if (host.kind === 'name' && reasonOf(error) !== 'client-closed') resolver.forget?.(host.name);
}

/** Milliseconds with one decimal. */
export function since(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 10) / 10;
}
