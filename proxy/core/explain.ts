/** Refusals in words: one sentence for the body, a short phrase for the status line. */
import { REASONS, type Reason } from './reasons.js';
import { placeInFile, sectionOf } from './rule.js';
import { hostPortText, hostText, type Target } from './target.js';

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

/** A refusal in words. */
export interface Words {
  /**
   * The reason phrase (RFC 9112 section 4): many clients show nothing else of a refused CONNECT. Visible ASCII only, since
   * hosts are names or addresses that were parsed.
   */
  readonly phrase: string;
  /** One or more English sentences that name the target, the address, the range and the rule. */
  readonly explanation: string;
}

export function inWords({ reason, target, addresses, what, rule }: Explained): Words {
  const { outcome, sentence } = REASONS[reason];
  const verdict = `Egress ${outcome === 'deny' ? 'denied' : 'failed'}: ${reason}`;
  const detail = what === null ? '' : ` It is ${what}.`;
  const by = sectionOf(rule) === null ? '' : ` Rule: ${placeInFile(rule)}.`;
  const why = `${sentence}${detail}${by}`;
  if (target === null) return { phrase: verdict, explanation: why };
  const host = hostText(target.host);
  const answered = target.host.kind === 'name' && addresses.length > 0 ? ` (${addresses.join(', ')})` : '';
  return {
    phrase: `${verdict} ${host}${addresses.length === 1 ? answered : ''}`,
    explanation: `${hostPortText(host, target.port)}${answered}: ${why}`,
  };
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
