/** What would stand in the way of a grant, asked before it is made: judged as a request would be, with names as they resolve now. */
import { type Address, sameAddress } from '../core/address.js';
import { type Denial, decideAddresses, decideHost, type Policy } from '../core/policy.js';
import type { DenyReason } from '../core/reasons.js';
import { isNever, type RuleId, sectionOf } from '../core/rule.js';
import { type GrantedRule, withRunTime } from '../core/run-time.js';
import { classify, classifyName } from '../core/special-purpose.js';
import { type Host, isPort, type Port, parseDnsName } from '../core/target.js';
import { MOST_ADDRESSES } from '../decide/fields.js';
import type { Gate } from './admit.js';

export type Vetting =
  /** `internal`: the destination is private, and the caller has confirmed it; `addresses`: those confirmed for a name. */
  | { readonly outcome: 'fine'; readonly internal: boolean; readonly addresses?: readonly Address[] }
  /** A private name that has no address now, or more than a grant holds: there is nothing to confirm. */
  | { readonly outcome: 'unknown'; readonly addresses: readonly string[] }
  /** Private because of these addresses, or moved to them since others were shown: the caller has to confirm them. */
  | { readonly outcome: 'confirm'; readonly addresses: readonly string[] }
  /** No grant can open it. `denied`: a `deny` rule of the file takes precedence. */
  | { readonly outcome: 'never' | 'denied'; readonly reason: DenyReason; readonly rule: RuleId | null };

/** How long a lookup may take while a person waits for the answer. */
const LOOK_UP_MS = 3000;
/** Judged if no port is named: an exception needs one, and a rule for all ports covers any. */
const ANY_PORT = 443;

type Draft = Omit<GrantedRule, 'id'>;

/**
 * `policy`: the file's. `draft.addresses`: what the caller was shown and confirms. A private name without them is to be confirmed, and one that has
 * others by now is to be confirmed again. Resolves, never dials. A block is always fine, and so is a pattern: what it covers is judged per request.
 */
export async function vetGrant(gate: Gate, policy: Policy, draft: Draft): Promise<Vetting> {
  const host = hostOf(draft);
  if (draft.effect === 'block' || host === null) return { outcome: 'fine', internal: false };
  const addresses = await addressesOf(gate, host);
  const isPrivate = isPrivatePlace(policy, host, addresses);
  const internal = isPrivate || (addresses.length === 0 && draft.internal);
  const ports = draft.ports ?? [ANY_PORT];
  const { addresses: shown, ...rest } = draft;
  // By name alone: a rule by name never opens what only a rule by address opens.
  const trial = withRunTime(enforced(policy), { grants: [{ ...rest, ports, id: 'trial', internal }], pauses: [] });
  for (const port of ports) {
    const denial = isPort(port) ? judge(gate, trial, { draft, host, port, addresses }) : null;
    if (denial !== null) return refused(denial);
  }
  const place = { host, addresses, shown };
  if (internal) return vetPrivate(draft, place);
  return isAsShown(place) ? { outcome: 'fine', internal } : toConfirm(addresses);
}

interface Place {
  readonly host: Host;
  readonly addresses: readonly Address[];
  readonly shown: readonly Address[] | undefined;
}

function vetPrivate({ internal }: Draft, place: Place): Vetting {
  const { host, addresses } = place;
  if (host.kind === 'name' && (addresses.length === 0 || addresses.length > MOST_ADDRESSES))
    return { outcome: 'unknown', addresses: addresses.map(({ text }) => text) };
  const isShown = host.kind === 'literal' || place.shown !== undefined;
  if (!internal || !isShown || !isAsShown(place)) return toConfirm(addresses);
  return { outcome: 'fine', internal, ...(host.kind === 'name' ? { addresses } : {}) };
}

/** A name that was private when it was shown and is public now has moved as well. */
function isAsShown({ addresses, shown }: Place): boolean {
  return shown === undefined || addresses.every((address) => shown.some((one) => sameAddress(one, address)));
}

function toConfirm(addresses: readonly Address[]): Vetting {
  return { outcome: 'confirm', addresses: addresses.map(({ text }) => text) };
}

interface Tried {
  readonly draft: Draft;
  readonly host: Host;
  readonly port: Port;
  readonly addresses: readonly Address[];
}

function judge(gate: Gate, policy: Policy, { draft, host, port, addresses }: Tried): Denial | null {
  const target = { form: 'authority', scheme: null, host, port } as const;
  const client = { name: draft.client, ...(draft.clientAddress === undefined ? {} : { address: draft.clientAddress }) };
  const question = { target, client, own: gate.own() };
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

/** Empty for a name without addresses or a timely answer: a private answer is refused when it comes. */
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
  if (addresses.some((address) => classify(address, policy).is.kind !== 'global')) return true;
  return addresses.length === 0 && host.kind === 'name' && classifyName(host.name) !== null;
}

/** Judged as if enforced: in mode `report` nothing would stand in its way. */
function enforced(policy: Policy): Policy {
  const changes = { mode: 'enforce', sni: 'off' } as const;
  const perClient = [...policy.perClient].map(([name, own]): [string, Policy] => [name, { ...own, ...changes }]);
  return { ...policy, ...changes, perClient: new Map(perClient) };
}
