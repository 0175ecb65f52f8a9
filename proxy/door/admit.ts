/**
 * From a Target to a verdict, as every door gets it: host, DNS, addresses, and a person's answer where run-time decisions are on.
 * Returns what it found out, and leaves the record to the door.
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
import { grantOf } from '../core/rule.js';
import { type DnsName, hostText, type Target } from '../core/target.js';
import { Abort, type Abortable } from '../net/abort.js';
import type { Dialer } from '../net/dialer.js';
import type { Resolver } from '../net/resolver.js';
import type { Client, Flow } from './flow.js';
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

export interface Asking {
  readonly client: { readonly address: string; readonly name: string | null };
  /** The client's name in the configuration; null: it has none. */
  readonly grantClient: string | null;
  readonly host: string;
  readonly port: number;
  readonly door: string;
  /** The decision. */
  readonly from: string;
}

/** Run-time decisions, as requests need them. */
export interface RunTimeGate {
  /** Uses the grant for this request. `gone`: it has ended, or another request has used it up. */
  use(grant: string): 'lasting' | 'once' | 'gone';
  /** Null: the request is refused at once. Otherwise resolves when it is worth another look. */
  ask(asking: Asking, signal: Abortable): Promise<void> | null;
}

/** The client that waits for the decision. */
export interface Waiter extends Patient {
  readonly socket: Socket;
  /** Aborts when it has sent more than is read while it waits: its loss would then go unnoticed. */
  readonly unread: Abortable;
}

export interface Admitted extends Admission {
  /** Allowed by a grant for one request, used by this one. */
  readonly once?: boolean;
}

export interface AdmitOptions {
  readonly gate: Gate;
  readonly runTime: RunTimeGate | null;
  /** The policy in force now, for this client. */
  readonly policyNow: (flow: Flow) => Policy;
}

/** Like `admit`. A flow that has waited goes on under the policy in force when the wait ends. */
export function admitOrAsk(options: AdmitOptions, flow: Flow, target: Target, waiter: Waiter): Soon<Admitted> {
  const { gate, runTime } = options;
  const admitting = admit(gate, flow, target, waiter);
  if (runTime === null) return admitting;
  if (admitting instanceof Promise)
    return admitting.then((admission) => decided(options, runTime, { flow, target, waiter, admission }));
  const { verdict } = admitting;
  let isOpen = verdict.outcome !== 'allow' && isQuestion(verdict);
  if (verdict.outcome === 'allow') for (const rule of verdict.rules) if (grantOf(rule) !== null) isOpen = true;
  return isOpen ? decided(options, runTime, { flow, target, waiter, admission: admitting }) : admitting;
}

interface Deciding {
  readonly flow: Flow;
  readonly target: Target;
  readonly waiter: Waiter;
  readonly admission: Admission;
}

/** The admission itself unless a grant or a person has to decide. */
async function decided(
  { gate, policyNow }: AdmitOptions,
  runTime: RunTimeGate,
  { flow, target, waiter, admission }: Deciding,
): Promise<Admitted> {
  const again = async (): Promise<Admission> => {
    flow.policy = policyNow(flow);
    return admit(gate, flow, target, waiter);
  };
  const hasWaited = isQuestion(admission.verdict) && (await waits(runTime, askingOf(flow, target), waiter));
  let last = hasWaited ? await again() : admission;
  // A grant in the snapshot may be gone by now, and so may the next one: another request may have used it.
  for (;;) {
    const grants = grantsOf(last);
    if (grants.length === 0) return last;
    const used = grants.map((grant) => runTime.use(grant));
    if (!used.includes('gone')) return { ...last, once: used.includes('once') };
    last = await again();
  }
}

/**
 * True if it is worth another look. A client that has ended its side is not held: it cannot be told from one
 * that has given up, and an answer meant for its next try must not send what it gave up. Nor is one that
 * keeps sending: its end comes after data that nobody reads.
 */
async function waits(runTime: RunTimeGate, asking: Asking, waiter: Waiter): Promise<boolean> {
  const { socket, lost, unread } = waiter;
  const left = new Abort();
  const leave = (): void => left.abort();
  if (lost.aborted || unread.aborted || socket.readableEnded) leave();
  const asked = runTime.ask(asking, left);
  if (asked === null) return false;
  lost.addEventListener('abort', leave);
  unread.addEventListener('abort', leave);
  socket.on('end', leave);
  await asked;
  lost.removeEventListener('abort', leave);
  unread.removeEventListener('abort', leave);
  socket.off('end', leave);
  return true;
}

/** Each address of an answer may need a different grant, or none. */
function grantsOf({ verdict }: Admission): readonly string[] {
  return verdict.outcome === 'allow' ? verdict.rules.flatMap((rule) => grantOf(rule) ?? []) : [];
}

function isQuestion(verdict: Admission['verdict']): boolean {
  return verdict.outcome === 'deny' && verdict.reason === 'not-yet-allowed';
}

function askingOf({ id, door, client }: Flow, { host, port }: Target): Asking {
  const { address, name, label } = client;
  return { client: { address, name: name ?? label }, grantClient: name, host: hostText(host), port, door, from: id };
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

/** Milliseconds with one decimal. */
export function since(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 10) / 10;
}
