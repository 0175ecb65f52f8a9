/** What stands against a grant, before it is made: by the functions that decide about requests, and the names as they resolve now. */
import type { Address } from '../core/address.js';
import { parseDnsName } from '../core/host-pattern.js';
import { type Denial, decideAddresses, decideHost, type Policy } from '../core/policy.js';
import type { DenyReason } from '../core/reasons.js';
import { isNever, type RuleId, sectionOf } from '../core/rule-id.js';
import { type GrantedRule, withRunTime } from '../core/run-time.js';
import { classify, classifyName } from '../core/special-purpose.js';
import { type Host, isPort, type Port } from '../core/target.js';
import type { Gate } from './admit.js';

export type Vetting =
  /** `internal`: the destination is private, and that was confirmed. */
  | { readonly outcome: 'fine'; readonly internal: boolean }
  /** Private, by these addresses: to be confirmed. */
  | { readonly outcome: 'confirm'; readonly addresses: readonly string[] }
  /** No grant opens it. `denied`: a `deny` rule of the file comes first. */
  | { readonly outcome: 'never' | 'denied'; readonly reason: DenyReason; readonly rule: RuleId | null };

/** How long a name may take that is looked up for the answer to a person. */
const LOOK_UP_MS = 3000;
/** Where no port is named: an exception needs one, and a rule for all ports holds for any. */
const ANY_PORT = 443;

type Draft = Omit<GrantedRule, 'id'>;

/** `policy`: of the file. Resolves, never dials. A block is always fine, and so is a pattern: what it covers is judged as it comes. */
export async function vetGrant(gate: Gate, policy: Policy, draft: Draft): Promise<Vetting> {
  const host = hostOf(draft);
  if (draft.effect === 'block' || host === null) return { outcome: 'fine', internal: false };
  const addresses = await addressesOf(gate, host);
  const isPrivate = isPrivatePlace(policy, host, addresses);
  const internal = isPrivate || (addresses.length === 0 && draft.internal);
  const ports = draft.ports ?? [ANY_PORT];
  const trial = withRunTime(enforced(policy), { grants: [{ ...draft, ports, id: 'trial', internal }], pauses: [] });
  for (const port of ports) {
    const denial = isPort(port) ? judge(gate, trial, { draft, host, port, addresses }) : null;
    if (denial !== null) return refused(denial);
  }
  if (isPrivate && !draft.internal) return { outcome: 'confirm', addresses: addresses.map(({ text }) => text) };
  return { outcome: 'fine', internal };
}

interface Tried {
  readonly draft: Draft;
  readonly host: Host;
  readonly port: Port;
  readonly addresses: readonly Address[];
}

function judge(gate: Gate, policy: Policy, { draft, host, port, addresses }: Tried): Denial | null {
  const target = { form: 'authority', scheme: null, host, port } as const;
  const question = { target, client: { name: draft.client }, own: gate.own() };
  const denial = decideHost(policy, question);
  if (denial !== null || addresses.length === 0) return denial;
  const verdict = decideAddresses(policy, question, addresses);
  return verdict.outcome === 'deny' ? verdict : null;
}

function refused({ reason, rule }: Denial): Vetting {
  const isDenied = !isNever(rule) && sectionOf(rule) === 'deny';
  return { outcome: isDenied ? 'denied' : 'never', reason, rule };
}

/** Null for a pattern. */
function hostOf({ host, address }: Draft): Host | null {
  if (address !== null) return { kind: 'literal', address: address.address };
  const name = host === null ? null : parseDnsName(host.text);
  return name === null ? null : { kind: 'name', name };
}

/** Of a name that has none, or does not answer in time, nothing is known: a private answer is refused when it comes. */
async function addressesOf(gate: Gate, host: Host): Promise<readonly Address[]> {
  if (host.kind === 'literal') return [host.address];
  if (classifyName(host.name)?.kind === 'never') return [];
  try {
    return await gate.resolver.resolve(host.name, AbortSignal.timeout(LOOK_UP_MS));
  } catch {
    return [];
  }
}

function isPrivatePlace(policy: Policy, host: Host, addresses: readonly Address[]): boolean {
  if (addresses.some((address) => classify(address, policy).kind !== 'global')) return true;
  return addresses.length === 0 && host.kind === 'name' && classifyName(host.name) !== null;
}

/** In mode `report` nothing would stand against it. */
function enforced(policy: Policy): Policy {
  const changes = { mode: 'enforce', sni: 'off' } as const;
  const perClient = [...policy.perClient].map(([name, own]): [string, Policy] => [name, { ...own, ...changes }]);
  return { ...policy, ...changes, perClient: new Map(perClient) };
}
