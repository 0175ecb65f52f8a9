/** A permission or a block made at run time, and a pause: as they are stored, and as people see them. */
import type { GrantedRule, PausedClient } from '../core/run-time.js';
import { sectionOfGrant } from '../core/run-time.js';

/** Times are in milliseconds since 1970. */
export interface Grant extends GrantedRule {
  readonly created: number;
  /** Null: until it is revoked. */
  readonly expires: number | null;
  readonly by: string;
  readonly why: string | null;
  /** The decision that led to it. */
  readonly from: string | null;
  /** True if the policy file has the same rule, which then decides in its place. */
  readonly inFile: boolean;
}

export interface Pause extends PausedClient {
  readonly created: number;
  readonly expires: number | null;
  readonly by: string;
  readonly why: string | null;
}

/** Who decides, and why. */
export interface Deciding {
  readonly by: string;
  readonly why: string | null;
}

/** What is asked for, before it is a grant. `forMs` null: forever, or until its one request. */
export type GrantDraft = Omit<GrantedRule, 'id'> & {
  readonly forMs: number | null;
  readonly from: string | null;
};

export type PauseDraft = PausedClient & { readonly forMs: number | null };

/** As the admin API and the state file have it. */
export function grantView(grant: Grant) {
  const { id, effect, client, host, address, ports, internal, once, by, why, from, inFile } = grant;
  return {
    id,
    effect,
    client,
    clientAddress: grant.clientAddress ?? null,
    host: host?.text ?? null,
    address: address?.address.text ?? null,
    ports,
    internal,
    addresses: grant.addresses?.map(({ text }) => text) ?? null,
    once,
    created: iso(grant.created),
    expires: isoOrNull(grant.expires),
    by,
    why,
    from,
    inFile,
    section: sectionOfGrant(grant),
    line: lineOf(grant),
  };
}

export function pauseView({ client, mode, created, expires, by, why }: Pause) {
  return { client, mode, created: iso(created), expires: isoOrNull(expires), by, why };
}

export type GrantView = ReturnType<typeof grantView>;
export type PauseView = ReturnType<typeof pauseView>;

/**
 * The rule as an item of the list in the policy file, which has no word for the addresses of a name. Strings are quoted:
 * `null` and `on` may be host names, too.
 */
export function lineOf({ host, address, ports, client }: GrantedRule): string {
  const keys = [
    host === null ? [] : [`host: ${JSON.stringify(host.text)}`],
    address === null ? [] : [`address: ${JSON.stringify(address.text)}`],
    ports === null ? [] : [`ports: [${ports.join(', ')}]`],
    client === null ? [] : [`clients: [${JSON.stringify(client)}]`],
  ];
  return `- { ${keys.flat().join(', ')} }`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
