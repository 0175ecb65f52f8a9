/**
 * Drafts rules that would allow or deny a request that was seen; shared by the page and `suggest`, so that both say the same. A
 * draft is narrow: this host or address, this port, and this client if the configuration knows it.
 */
import { parseAddress, parsePrefix } from '../core/address.js';
import { isNever, placeInFile, sectionOf } from '../core/rule.js';
import { type Classification, classify, classifyName, isLocalhost, type LocalRanges } from '../core/special-purpose.js';
import { type DnsName, isPort, parseDnsName } from '../core/target.js';

/** The fields of a decision record that matter here. */
export interface Seen {
  readonly outcome: 'allow' | 'deny' | 'fail';
  readonly reason: string | null;
  readonly rule: string | null;
  readonly client: { readonly name: string | null };
  readonly host: string | null;
  readonly port: number | null;
  readonly addresses: readonly string[];
  /** Null or absent: DNS was not asked. */
  readonly dnsMs?: number | null;
}

/** A rule of the configuration with exactly one of `host` and `address`. */
export interface RuleDraft {
  readonly section: 'allow' | 'deny' | 'internal';
  readonly host: string | null;
  readonly address: string | null;
  readonly ports: readonly number[] | null;
  readonly clients: readonly string[] | null;
}

/** Rules to add, or none and the reason why. */
export interface Proposal {
  readonly drafts: readonly RuleDraft[];
  readonly note: string | null;
}

export interface DraftOptions {
  readonly default: 'public' | 'none';
  /** The client names that rules may use; what the log calls a client may be a mere label. */
  readonly clients: ReadonlySet<string>;
  /** From the configuration, as far as it is known. */
  readonly here: LocalRanges;
}

/** Reasons that are about the destination, so that a rule can change the outcome. */
const BY_POLICY: ReadonlySet<string> = new Set([
  'host-denied',
  'host-not-allowed',
  'not-yet-allowed',
  'port-denied',
  'port-not-allowed',
  'address-denied',
  'address-prohibited',
  'address-not-confirmed',
  'metadata-address',
  'mixed-answer',
  'own-listener',
]);

/** The rules that the policy would need to allow the request. */
export function draftsToAllow(seen: Seen, options: DraftOptions): Proposal {
  const { reason, rule, port } = seen;
  const name = seen.host === null ? null : parseDnsName(seen.host);
  const literal = seen.host === null ? null : parseAddress(seen.host);
  if (port === null || !isPort(port) || (name === null && literal === null))
    return none('The request names no destination.');
  if (seen.outcome === 'deny' && reason !== null && !BY_POLICY.has(reason)) {
    return none('No rule changes this: it is about the request, not about where it goes.');
  }
  if (isNever(rule) || reason === 'metadata-address' || reason === 'own-listener') {
    return none('Nothing opens this: no rule and no mode.');
  }
  if (sectionOf(rule) === 'deny')
    return none(`${placeInFile(rule)} refuses it, and deny comes first: remove or narrow it.`);
  return draftsFor({ name, literal: literal?.text ?? null, port, seen, here: rangesOf(rule, options.here) }, options);
}

/** The rule that denies the host or address to this client, or to all if the configuration does not know the client. */
export function draftToDeny(seen: Seen, options: DraftOptions): Proposal {
  const place = placeOf(seen.host, options.here);
  if (place === null) return none('The request names no destination.');
  if (isNever(seen.rule)) return none('It is refused in any case.');
  const draft: RuleDraft = { section: 'deny', ...place, ports: null, clients: clientsOf(seen, options) };
  return { drafts: [draft], note: scope(seen, options) };
}

/** One item of the list in the configuration, as YAML. Texts are quoted, since `null` and `on` may be names of hosts. */
export function draftLine({ host, address, ports, clients }: RuleDraft): string {
  const keys = [
    host === null ? [] : [`host: ${JSON.stringify(host)}`],
    address === null ? [] : [`address: ${JSON.stringify(address)}`],
    ports === null ? [] : [`ports: [${ports.join(', ')}]`],
    clients === null ? [] : [`clients: [${clients.map((name) => JSON.stringify(name)).join(', ')}]`],
  ];
  return `- { ${keys.flat().join(', ')} }`;
}

interface Destination {
  readonly name: DnsName | null;
  readonly literal: string | null;
  readonly port: number;
  readonly seen: Seen;
  readonly here: LocalRanges;
}

function draftsFor(destination: Destination, options: DraftOptions): Proposal {
  const { seen, port, here } = destination;
  const addresses = addressesOf(destination).map(parseAddress);
  const classes = addresses.map((address) => (address === null ? null : classify(address, here)));
  if (classes.some((one) => one === null || one.is.kind === 'never')) return none('Nothing opens this address.');
  const special = classes.filter((one) => one?.is.kind === 'special');
  const rest = { ports: [port], clients: clientsOf(seen, options) };
  const internal: RuleDraft[] = internalPlaces(destination, special).map((place) => ({
    section: 'internal',
    ...place,
    ...rest,
  }));
  const isPublic = internal.length === 0 || special.length < classes.length;
  const needsAllow = isPublic && (internal.length === 0 || options.default === 'none');
  const place = placeOf(seen.host, here);
  const allow: RuleDraft[] = needsAllow && place !== null ? [{ section: 'allow', ...place, ...rest }] : [];
  return { drafts: [...internal, ...allow], note: notes(seen, options, internal.length > 0) };
}

/** By name if a rule by name can open what the name resolved to; by address for loopback and the like. */
function internalPlaces(
  { name, literal, seen, here }: Destination,
  special: readonly (Classification | null)[],
): Pick<RuleDraft, 'host' | 'address'>[] {
  const byName = special.every((one) => one !== null && one.is.kind !== 'global' && one.is.opensByName);
  if (name !== null && literal === null && byName) {
    return special.length > 0 || (seen.addresses.length === 0 && isLocalName(name))
      ? [{ host: name, address: null }]
      : [];
  }
  // An IPv4 address and an IPv6 form of it count as one place.
  const texts = new Set(special.flatMap((one) => one?.effective.text ?? []));
  return [...texts].map((text) => placeOf(text, here)).filter((place) => place !== null);
}

/** Names of containers have no dot; the other names stand for the containers' host and the like. */
function isLocalName(name: DnsName): boolean {
  return !name.includes('.') || classifyName(name) !== null;
}

/** The addresses that DNS answered, or loopback for the names that stand for it. */
function addressesOf({ name, literal, seen }: Destination): readonly string[] {
  if (literal !== null) return [literal];
  if (seen.addresses.length === 0 && name !== null && isLocalhost(name)) return ['127.0.0.1', '::1'];
  return seen.addresses;
}

/** Adds the range of policy.private that the record names, in case the configuration is not known. */
function rangesOf(rule: string | null, { nat64, private: ranges }: LocalRanges): LocalRanges {
  const range = rule?.startsWith('private:') ? parsePrefix(rule.slice('private:'.length)) : null;
  return { nat64, private: range === null ? ranges : [...ranges, range] };
}

/** Rules see the IPv4 address inside a NAT64 form. */
function placeOf(text: string | null, here: LocalRanges): Pick<RuleDraft, 'host' | 'address'> | null {
  if (text === null) return null;
  const address = parseAddress(text);
  if (address !== null) {
    const { effective } = classify(address, here);
    return { host: null, address: `${effective.text}/${effective.bytes.length * 8}` };
  }
  const host = parseDnsName(text);
  return host === null ? null : { host, address: null };
}

function clientsOf({ client }: Seen, options: DraftOptions): readonly string[] | null {
  return client.name !== null && options.clients.has(client.name) ? [client.name] : null;
}

function notes(seen: Seen, options: DraftOptions, isInternal: boolean): string | null {
  const texts = [
    seen.outcome === 'allow' && seen.reason === null
      ? `It is allowed already, by ${placeInFile(seen.rule) ?? 'policy.default'}.`
      : null,
    seen.outcome === 'fail' ? 'The policy allowed it; the connection failed.' : null,
    isInternal ? 'This opens a private destination to a tool: be sure that it needs it.' : null,
    isUnresolved(seen) ? 'DNS was not asked: if it answers with a private address, see the next refusal.' : null,
    scope(seen, options),
  ].filter((text) => text !== null);
  return texts.length === 0 ? null : texts.join(' ');
}

function isUnresolved({ host, addresses, dnsMs }: Seen): boolean {
  if ((dnsMs ?? null) !== null) return false;
  const name = host === null ? null : parseDnsName(host);
  return name !== null && addresses.length === 0 && !isLocalName(name);
}

function scope(seen: Seen, options: DraftOptions): string | null {
  if (clientsOf(seen, options) !== null) return null;
  return 'It is for every client, since the configuration has no entry for this one under clients.';
}

function none(note: string): Proposal {
  return { drafts: [], note };
}
