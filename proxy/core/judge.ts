/** What a policy says of one name, of one address and of what a client sends first, in the steps that policy.ts sets out. */
import { type Address, contains, isLoopback, sameAddress } from './address.js';
import type { DenyReason } from './reasons.js';
import { type Denial, refusal } from './refusal.js';
import {
  type ClientIdentity,
  firstMatch,
  matchesButForPort,
  mayMatch,
  type OwnEndpoints,
  type Question,
  type Rule,
  type RuleId,
} from './rule.js';
import { type AddressClass, classify, classifyName, type LocalRanges } from './special-purpose.js';
import type { DnsName, Host, Target } from './target.js';

/**
 * `perClient`: by name, the policy of each client whose entry has a default or a mode of its own. The decisions look it up
 * themselves; whoever else reads `mode`, `default` or `sni` has to ask `policyFor` first.
 */
export interface Policy extends LocalRanges {
  readonly mode: 'enforce' | 'report';
  readonly default: 'public' | 'none';
  readonly sni: 'enforce' | 'log' | 'off';
  /** `required`: clients that the configuration does not name are refused, whatever the rules say of the destination. */
  readonly clients: 'optional' | 'required';
  /** Who is shown the addresses of a refused host: nobody, clients that are known by name, or everybody. */
  readonly showAddresses: 'none' | 'named' | 'all';
  readonly deny: readonly Rule[];
  readonly internal: readonly Rule[];
  readonly allow: readonly Rule[];
  /** Names that were opened at confirmed addresses alone. These rules open nothing; a refusal at another address names them. */
  readonly elsewhere?: readonly Rule[];
  /** True: a refusal for lack of a rule becomes a question to whoever runs the proxy. */
  readonly asks: boolean;
  /** Clients that are refused everything for now. */
  readonly paused: Paused;
  readonly perClient: ReadonlyMap<string, Policy>;
}

export interface Paused {
  readonly all: boolean;
  readonly clients: ReadonlySet<string>;
}

/** The policy as it is in force for this client. */
export function policyFor(policy: Policy, { name }: ClientIdentity): Policy {
  return (name === null ? undefined : policy.perClient.get(name)) ?? policy;
}

/** `reason` tells it from a denial, which has one of its own. `address`: the one to connect to. */
export interface AllowedAddress {
  readonly reason: null;
  readonly address: Address;
  readonly rule: RuleId;
  readonly noted: Denial | null;
}

/** Before DNS: the refusal that no answer could change, or null where the addresses decide. */
export function judgeName(policy: Policy, question: Question, name: DnsName): Denial | null {
  const special = classifyName(name);
  if (special?.kind === 'never') return refusal('metadata-address', special.id, special.what);
  const pause = pauseOf(policy, question);
  if (pause !== null) return pause;
  if (policy.mode === 'report') return null;
  if (policy.clients === 'required' && question.client.name === null) return refusal('client-required', 'clients');
  const denied = firstMatch(policy.deny, question, null);
  if (denied !== null) return refusal(denyReason(denied), denied.id);
  if (special === null && policy.default === 'public') return null;
  const isOpened = [...policy.internal, ...(policy.elsewhere ?? [])].some((rule) => mayMatch(rule, question, name));
  if (special !== null && !isOpened) return refusal('address-prohibited', special.id, special.what);
  if (isOpened || policy.default === 'public') return null;
  // A query is a way out, too: a name is resolved only where a rule could allow it.
  return policy.allow.some((rule) => mayMatch(rule, question, name)) ? null : notAllowed(policy, question, null);
}

/**
 * For a name that only a parent proxy can resolve: the rule that allows it by name and port, or the refusal. Rules by
 * address do not apply, and special names are refused.
 */
export function judgeUnresolved(policy: Policy, question: Question, name: DnsName): RuleId | Denial {
  const denial = judgeName(policy, question, name);
  if (denial !== null) return denial;
  const special = classifyName(name);
  if (special !== null) return refusal('address-prohibited', special.id, special.what);
  if (policy.mode === 'report') return 'report';
  const allowed = firstMatch(policy.allow, question, null);
  if (allowed !== null) return allowed.id;
  return policy.default === 'public' ? 'default' : notAllowed(policy, question, null);
}

/** Steps 1 to 5 for one address. */
export function judgeAddress(policy: Policy, question: Question, address: Address): AllowedAddress | Denial {
  const { is, effective, routed } = classify(address, policy);
  const place = ownPlace(question.own, effective, question.target.port);
  if (place === 'own') return refusal('own-listener', 'never:own');
  if (place === 'host') return refusal('own-listener', 'never:host', 'an address of the host that the proxy runs on');
  if (is.kind === 'never') return refusal(prohibited(is), is.id, is.what);
  if (place === 'api-server')
    return refusal('address-prohibited', 'never:kubernetes', 'the API server of this cluster');
  const pause = pauseOf(policy, question);
  if (pause !== null) return pause;
  const found = judgeRules(policy, question, effective, is);
  if (typeof found === 'string') return { reason: null, address: routed, rule: found, noted: null };
  return policy.mode === 'report' ? { reason: null, address: routed, rule: 'report', noted: found } : found;
}

/**
 * Which of the places that no rule opens an address is. `own`: any port of an own address that is not loopback, and any
 * loopback address on a port that the proxy listens on, since a listener on the wildcard address answers at all of these.
 * `host`: any port, its services and every one that it publishes for a container, the relay's among them. `api-server`: on
 * any port, since it commands the whole cluster.
 */
export function ownPlace(own: OwnEndpoints, address: Address, port: number): 'own' | 'host' | 'api-server' | null {
  const { addresses, ports, host, apiServer } = own;
  const isOwn = isLoopback(address) ? ports.has(port) : addresses.some((one) => sameAddress(one, address));
  if (isOwn) return 'own';
  if (host?.some((prefix) => contains(prefix, address)) === true) return 'host';
  return apiServer !== undefined && apiServer !== null && sameAddress(apiServer, address) ? 'api-server' : null;
}

/** Steps 2 to 5: the rule that allows, or the refusal. */
function judgeRules(policy: Policy, question: Question, address: Address, is: AddressClass): RuleId | Denial {
  if (policy.clients === 'required' && question.client.name === null) return refusal('client-required', 'clients');
  const denied = firstMatch(policy.deny, question, address);
  if (denied !== null) return refusal(denyReason(denied), denied.id);
  if (is.kind !== 'global') {
    const exception = firstMatch(policy.internal, question, address, is);
    return exception?.id ?? notOpened(policy, question, address, is);
  }
  const allowed = firstMatch(policy.allow, question, address);
  if (allowed !== null) return allowed.id;
  return policy.default === 'public' ? 'default' : notAllowed(policy, question, address);
}

/** In every mode, since whoever pauses a client wants it to stop. */
function pauseOf({ paused }: Policy, { client }: Question): Denial | null {
  if (client.name !== null && paused.clients.has(client.name)) return refusal('paused', `pause:${client.name}`);
  return paused.all ? refusal('paused', 'pause') : null;
}

/** Distinguishes a host that no rule names from a port that is in none of the rules for that host. */
function notAllowed(policy: Policy, question: Question, address: Address | null): Denial {
  if (policy.asks) return refusal('not-yet-allowed', 'default');
  const named = policy.allow.some((rule) => matchesButForPort(rule, question, address));
  return refusal(named ? 'port-not-allowed' : 'host-not-allowed', 'default');
}

/** Distinguishes a name that was opened at other addresses from a destination that nobody opened. */
function notOpened(policy: Policy, question: Question, address: Address, kind: SpecialClass): Denial {
  const elsewhere = firstMatch(policy.elsewhere ?? [], question, address, kind);
  if (elsewhere !== null) return refusal('address-not-confirmed', elsewhere.id, kind.what);
  return refusal(prohibited(kind), kind.id, kind.what);
}

function prohibited(kind: AddressClass): DenyReason {
  return kind.kind !== 'global' && kind.metadata ? 'metadata-address' : 'address-prohibited';
}

type SpecialClass = Exclude<AddressClass, { readonly kind: 'global' }>;

function denyReason(rule: Rule): DenyReason {
  if (rule.address !== null) return 'address-denied';
  return rule.host === null && rule.ports !== null ? 'port-denied' : 'host-denied';
}

/** What `policy.sni` has against a request in plain text. In a tunnel, the first bytes are judged for this instead. */
export function judgePlainText({ sni }: Policy, target: Target): Denial | null {
  const reason = target.scheme === 'http' && sni !== 'off' ? plainTextFault(target) : null;
  return reason === null ? null : refusal(reason, 'sni');
}

/** True where what `sni` finds is refused rather than only noted. */
export function enforcesSni({ sni, mode }: Policy): boolean {
  return sni === 'enforce' && mode === 'enforce';
}

/**
 * Ports that IANA registers for a protocol that begins with TLS (https, smtps, nntps, ldaps, DNS over TLS, ftps, imaps,
 * pop3s, sips, amqps, ircs, mqtt over TLS), and the usual second https port. Nothing but TLS passes there in `enforce`.
 */
const TLS_PORTS: ReadonlySet<number> = new Set([
  443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5671, 6697, 8443, 8883,
]);

/** Plain text to a port that is for TLS. The same at every door: in a tunnel, in absolute-form, after an Upgrade. */
export function plainTextFault({ port }: Pick<Target, 'port'>): DenyReason | null {
  return TLS_PORTS.has(port) ? 'tls-expected' : null;
}

/**
 * Compares the server name of a ClientHello with the host. For a host that is an address there is nothing to compare: it was
 * allowed as an address, whatever name the client asks it for. A missing name is a fault only where RFC 6066 section 3
 * has one to send, a fully qualified host name: for a single label or a name with an underscore, Java rightly sends none.
 */
export function serverNameFault(sni: DnsName | null, host: Host): DenyReason | null {
  if (host.kind === 'literal') return null;
  if (sni === null) return isQualifiedHostName(host.name) ? 'sni-missing' : null;
  return sni === host.name ? null : 'sni-mismatch';
}

function isQualifiedHostName(name: DnsName): boolean {
  return name.includes('.') && !name.includes('_');
}
