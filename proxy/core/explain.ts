/** Refusals in words: one sentence for the body, a short phrase for the status line. */
import { REASONS, type Reason } from './reasons.js';
import { placeInFile, sectionOf } from './rule.js';
import { authorityText, hostText, type Target } from './target.js';

/** What is known of a refused or failed request. `what`: from the Refusal, what the prohibited address is. */
export interface Explained {
  readonly reason: Reason;
  readonly target: Target | null;
  readonly addresses: readonly string[];
  readonly what: string | null;
  readonly rule: string | null;
}

/** The answer of `POST /v1/check` and of `egress-proxy check`. */
export interface CheckResult {
  readonly outcome: 'allow' | 'deny' | 'fail';
  /** With outcome `allow` only in mode `report`: what enforcement would have said. */
  readonly reason: Reason | null;
  /** The status that a refused client would get; null where the outcome is `allow`. */
  readonly status: number | null;
  readonly rule: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly addresses: readonly string[];
  readonly explanation: string;
}

/** One or more English sentences that name the target, the address, the range and the rule. */
export function explanation({ reason, target, addresses, what, rule }: Explained): string {
  const subject = target === null ? '' : `${authorityText(target)}${answered(target, addresses)}: `;
  const detail = what === null ? '' : ` It is ${what}.`;
  const by = sectionOf(rule) === null ? '' : ` Rule: ${placeInFile(rule)}.`;
  return `${subject}${REASONS[reason].sentence}${detail}${by}`;
}

/**
 * The reason phrase (RFC 9112 section 4): many clients show nothing else of a refused CONNECT. Visible ASCII only, since
 * hosts are names or addresses that were parsed.
 */
export function reasonPhrase({ reason, target, addresses }: Explained): string {
  const verb = REASONS[reason].outcome === 'deny' ? 'denied' : 'failed';
  if (target === null) return `Egress ${verb}: ${reason}`;
  const address = addresses.length === 1 && target.host.kind === 'name' ? ` (${addresses[0]})` : '';
  return `Egress ${verb}: ${reason} ${hostText(target.host)}${address}`;
}

/**
 * For a client that must not learn what DNS answered: leaves out the addresses, and the range and the rule that they led to.
 * Otherwise any tool could draw up a list of the internal names and their addresses.
 */
export function withoutAnswer(known: Explained): Explained {
  if (known.target?.host.kind !== 'name' || known.addresses.length === 0) return known;
  // A challenge carries the rule of the refusal that it replaces, so that rule goes, too.
  const isAboutAddress =
    REASONS[known.reason].error === 'destination_ip_prohibited' || known.reason === 'client-unauthenticated';
  return { ...known, addresses: [], ...(isAboutAddress ? { what: null, rule: null } : {}) };
}

function answered(target: Target, addresses: readonly string[]): string {
  return target.host.kind === 'name' && addresses.length > 0 ? ` (${addresses.join(', ')})` : '';
}
