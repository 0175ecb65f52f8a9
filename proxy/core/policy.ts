/**
 * The policy: pure, and the only maker of a Permit.
 *
 * Order of evaluation, fixed and never configurable:
 *
 *  1. Never: unspecified, multicast, broadcast, link-local, deprecated IPv4 embeddings, every metadata address, the
 *     proxy's own addresses and listeners, those of its host, the API server of its cluster. No rule and no mode opens these.
 *  2. Pauses; with `clients: required`, clients that are not known by name; then explicit `deny` rules.
 *  3. Special-purpose addresses and those of `private`, unless an `internal` rule covers the host or address, the port and the client.
 *  4. Explicit `allow` rules.
 *  5. The default, of the client or of all: `public` allows what is left (globally reachable unicast), `none` denies it.
 *
 * `decideHost` runs before any DNS query and `decideAddresses` on its answer. In mode `report` the refusals of steps 2
 * to 5, but for a pause, are noted on the verdict and let through. What was decided at run time is rules of these lists,
 * after those of the file: see run-time.ts.
 */
import { type Address, addressFromBytes } from './address.js';
import {
  type AllowedAddress,
  enforcesSni,
  judgeAddress,
  judgeName,
  judgePlainText,
  judgeUnresolved,
  type Policy,
  policyFor,
} from './judge.js';
import type { DenyReason } from './reasons.js';
import { type Denial, refusal } from './refusal.js';
import type { Question, RuleId } from './rule.js';
import type { DnsName, Target } from './target.js';

export { type Policy, policyFor } from './judge.js';
export type { Denial, Refusal } from './refusal.js';
export type { ClientIdentity, OwnEndpoints, PortRange, Question, Rule } from './rule.js';

const ISSUING = Symbol();
/** Taken before anybody else's code runs, which could replace it. */
const { freeze } = Object;
const { isInteger } = Number;
/** The discard prefix of RFC 6666, as a place holder: no address is known, and the dialer takes no Permit that is by name. */
const NOWHERE = frozen(addressFromBytes([1, ...Array<number>(14).fill(0), 1]));

/**
 * The private field makes a Permit genuine: no copy, no cast and no other object can have it. The class is not exported, and
 * although every Permit leads to its constructor, that demands a symbol which only this file has. `target` and
 * `addresses` are the copies that were judged, frozen with all that they hold.
 */
class IssuedPermit {
  readonly #issued = true;
  readonly target: Target;
  readonly addresses: readonly [Address, ...Address[]];
  readonly rule: RuleId;
  /** True: only a parent proxy knows the addresses of the name, so there is no way without it. */
  readonly isByName: boolean;

  constructor(issuing: typeof ISSUING, target: Target, addresses: [Address, ...Address[]] | null, rule: RuleId) {
    if (issuing !== ISSUING) throw new TypeError('only the policy issues a Permit');
    if (target.host.kind === 'literal') frozen(target.host.address);
    freeze(target.host);
    this.target = freeze(target);
    this.addresses = freeze<[Address, ...Address[]]>(addresses ?? [NOWHERE]);
    this.isByName = addresses === null;
    this.rule = rule;
    freeze(this);
  }

  static {
    freeze(IssuedPermit.prototype);
    freeze(IssuedPermit);
  }

  static isIssued(value: unknown): value is IssuedPermit {
    return typeof value === 'object' && value !== null && #issued in value && value.#issued;
  }
}

/** The right to connect to `addresses` at the port of `target`, and to nothing else. Only this file makes one. */
export type Permit = IssuedPermit;

/** True only for a Permit that this file has made. Whatever connects or keeps connections has to ask this first. */
export const isIssued: (value: unknown) => value is Permit = IssuedPermit.isIssued;

/** True for an address that the Permit itself holds. Asked last before each connect, as a list may have been changed on its way. */
export function holdsAddress({ addresses }: Permit, address: Address): boolean {
  for (let i = 0; i < addresses.length; i++) if (addresses[i] === address) return true;
  return false;
}

/**
 * `wouldDeny`: what enforcement would have said, in mode `report` and with `sni: log`. `rules`: all that the Permit needs, since
 * each address may have another one; the first is the Permit's.
 */
export type Verdict =
  | {
      readonly outcome: 'allow';
      readonly permit: Permit;
      readonly wouldDeny: Denial | null;
      readonly rules: readonly RuleId[];
    }
  | ({ readonly outcome: 'deny' } & Denial);

/** Before DNS: the refusal that no answer could change, or null where the addresses decide. */
export function decideHost(of: Policy, question: Question): Denial | null {
  const { host } = question.target;
  const policy = policyFor(of, question.client);
  const denial = host.kind === 'name' ? judgeName(policy, question, host.name) : judgeLiteral(policy, question, host);
  return denial ?? (enforcesSni(policy) ? judgePlainText(policy, question.target) : null);
}

function judgeLiteral(policy: Policy, question: Question, { address }: { readonly address: Address }): Denial | null {
  const judged = judgeAddress(policy, question, address);
  return judged.reason === null ? null : judged;
}

/**
 * After DNS (or for a literal, with that literal): a Permit for exactly these addresses, or a denial. An answer that
 * mixes permitted and prohibited addresses is refused whole, so that no retry can pick the prohibited one.
 */
export function decideAddresses(of: Policy, asked: Question, addresses: readonly Address[]): Verdict {
  const policy = policyFor(of, asked.client);
  const question = withOwnTarget(asked);
  const allowed: AllowedAddress[] = [];
  const denials: Denial[] = [];
  const given = asked.target.host;
  const copy = question.target.host;
  for (const address of addresses) {
    const isCopied = given.kind === 'literal' && copy.kind === 'literal' && address === given.address;
    const judged = judgeAddress(policy, question, isCopied ? copy.address : ownAddress(address));
    if (judged.reason === null) allowed.push(judged);
    else denials.push(judged);
  }
  if (denials.length > 0) return denied(worst(denials, addresses.length));
  const plain = question.target.scheme === 'http' ? judgePlainText(policy, question.target) : null;
  if (plain !== null && enforcesSni(policy)) return denied(plain);
  const first = allowed[0];
  if (first === undefined) return denied(refusal('address-prohibited'));
  const vetted: [Address, ...Address[]] = [frozen(first.address)];
  const rules: RuleId[] = [first.rule];
  const noted: Denial[] = first.noted === null ? [] : [first.noted];
  for (let i = 1; i < allowed.length; i++) {
    const one = allowed[i];
    if (one === undefined) break;
    vetted.push(frozen(one.address));
    if (!rules.includes(one.rule)) rules.push(one.rule);
    if (one.noted !== null) noted.push(one.noted);
  }
  const permit = new IssuedPermit(ISSUING, question.target, vetted, first.rule);
  return { outcome: 'allow', permit, wouldDeny: noted.length > 0 ? worst(noted, addresses.length) : plain, rules };
}

/** For a name that only a parent proxy can resolve, as `upstream.resolve: parent` allows: no address of it is vetted. */
export function decideName(of: Policy, asked: Question, name: DnsName): Verdict {
  const policy = policyFor(of, asked.client);
  const question = withOwnTarget(asked);
  const plain = judgePlainText(policy, question.target);
  if (plain !== null && enforcesSni(policy)) return denied(plain);
  const judged = judgeUnresolved(policy, question, name);
  if (typeof judged !== 'string') return denied(judged);
  const permit = new IssuedPermit(ISSUING, question.target, null, judged);
  return { outcome: 'allow', permit, wouldDeny: plain, rules: [judged] };
}

function denied({ reason, rule, what }: Denial): Verdict {
  return { outcome: 'deny', reason, rule, what };
}

/** The gravest of the denials, of which there is at least one, for a whole answer of `count` addresses. */
function worst(denials: readonly Denial[], count: number): Denial {
  let gravest = denials[0];
  if (gravest === undefined) throw new TypeError('no denial');
  for (const denial of denials) if (!GRAVE.has(gravest.reason) && GRAVE.has(denial.reason)) gravest = denial;
  const isMixed = denials.length < count && gravest.reason !== 'address-not-confirmed';
  return isMixed ? { ...gravest, reason: 'mixed-answer' } : gravest;
}

const GRAVE: ReadonlySet<DenyReason> = new Set<DenyReason>(['metadata-address', 'own-listener']);

/**
 * What is judged is the copy that the Permit will hold: an object that answers differently the second time gains nothing, and one in
 * place of a text or a number is a defect. Nobody else sees the copy before it is frozen, which only a Permit needs.
 */
function withOwnTarget({ target, client, own }: Question): Question {
  const { form, scheme, host, port } = target;
  const { kind } = host;
  if (!isInteger(port)) throw new TypeError('no port');
  if (kind !== 'name')
    return { target: { form, scheme, host: { kind, address: ownAddress(host.address) }, port }, client, own };
  const { name } = host;
  if (typeof name !== 'string') throw new TypeError('no name');
  return { target: { form, scheme, host: { kind, name }, port }, client, own };
}

/** Makes the text from the bytes again, since the bytes are judged, but the text is dialled. */
function ownAddress({ bytes }: Address): Address {
  const own = [...bytes];
  for (const byte of own) if (!isInteger(byte) || byte < 0 || byte > 255) throw new TypeError('no address');
  return addressFromBytes(own);
}

/** For a copy of ours, or what was decoded from one. */
function frozen(address: Address): Address {
  freeze(address.bytes);
  return freeze(address);
}
