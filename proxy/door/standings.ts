/** The connections that the policy has allowed, judged again when it changes. */
import type { ClientEntry, InForce } from '../config/config.js';
import type { Address } from '../core/address.js';
import { judgeAgain, type Standing as Stood } from '../core/judge-again.js';
import type { ClientIdentity, Denial, OwnEndpoints, Permit, Policy } from '../core/policy.js';
import { pausedAs } from '../core/run-time.js';
import type { Target } from '../core/target.js';
import { OpenSet, type Placed } from '../net/open-set.js';
import type { Flow } from './flow.js';

/** The grounds on which a connection was allowed. */
export interface Standing {
  readonly permit: Permit;
  /** Null: nothing is dialled yet. */
  readonly dialed: Address | null;
  /** Allowed by a grant for one request, used by this one. */
  readonly once: boolean;
  /** Null: the one in force. Otherwise that of a fixed destination, which nothing changes but a pause. */
  readonly policy: Policy | null;
}

export interface IdleConnection {
  readonly target: Target;
  readonly address: Address;
  readonly client: ClientIdentity;
}

/** `policy`: as Standing has it. */
interface Subject {
  readonly target: Target;
  readonly client: ClientIdentity;
  readonly policy: Policy | null;
}

/** A connection that is open, and judges nothing itself. */
export interface Judged {
  readonly flow: Flow;
  /** Current whenever it is read: a request may not have been dialled yet. */
  readonly standing: Standing;
  /** It has ended or has been cut: there is nothing left to judge. */
  readonly isOver: boolean;
  cut(denial: Denial): void;
}

/** One that is no tunnel. */
export interface Entered extends Judged, Placed<Entered> {}

/** The tunnels that are open now. */
interface OpenTunnels {
  tunnels(): readonly Judged[];
}

/** How many are judged in one turn of the event loop, so that nobody else waits: some 5 microseconds each. */
const PER_TURN = 500;

export class Standings {
  readonly #inForce: InForce<'policy' | 'clients'>;
  readonly #own: () => OwnEndpoints;
  readonly #tunnels: OpenTunnels;
  readonly #entered = new OpenSet<Entered>();

  constructor(inForce: InForce<'policy' | 'clients'>, own: () => OwnEndpoints, tunnels: OpenTunnels) {
    this.#inForce = inForce;
    this.#own = own;
    this.#tunnels = tunnels;
  }

  /**
   * From now on the connection is closed by `cut` when the policy changes and would no longer allow it. What has changed since
   * the request came is for the caller to ask: see `objection` of Arrivals.
   */
  enter(one: Entered): void {
    this.#entered.add(one);
  }

  leave(one: Entered): void {
    this.#entered.delete(one);
  }

  /** Resolves with how many were closed, once all that are open now have been judged by what is then in force. */
  async review(): Promise<number> {
    let closed = 0;
    const all = [...this.#tunnels.tunnels(), ...this.#entered.all()];
    for (let i = 0; i < all.length; i += PER_TURN) {
      if (i > 0) await new Promise((resolve) => setImmediate(resolve));
      for (const one of all.slice(i, i + PER_TURN)) if (this.#judge(one)) closed += 1;
    }
    return closed;
  }

  /** True if a connection to this address would be allowed now: for what is idle. */
  allows({ target, address, client }: IdleConnection): boolean {
    return this.#denialNow({ target, client, policy: null }, { addresses: [address], once: false }) === null;
  }

  /** True if it has closed the connection. */
  #judge(one: Judged): boolean {
    const denial = one.isOver ? null : this.denialOf(one.flow.client, one.standing);
    if (denial === null) return false;
    one.cut(denial);
    return true;
  }

  /** The refusal for what was allowed on these grounds, by what is in force now; null: it would be allowed again. */
  denialOf(client: ClientIdentity, { permit, dialed, once, policy }: Standing): Denial | null {
    const asked = { target: permit.target, client, policy };
    return this.#denialNow(asked, { addresses: judged(permit, dialed), once });
  }

  /** The same target and address; and the same client, as long as the configuration has it. */
  #denialNow({ target, client, policy: fixed }: Subject, was: Stood): Denial | null {
    const { policy, clients } = this.#inForce.settings;
    const question = { target, client: stillKnown(clients, client), own: this.#own() };
    return judgeAgain(fixed === null ? policy : pausedAs(fixed, policy), question, was);
  }
}

function stillKnown(clients: readonly ClientEntry[], { name }: ClientIdentity): ClientIdentity {
  return { name: name !== null && clients.some((client) => client.name === name) ? name : null };
}

/** What was dialled; with a parent proxy, which picks an address by itself, all that were vetted. */
function judged({ isByName, addresses }: Permit, dialed: Address | null): readonly Address[] | null {
  if (isByName) return null;
  return dialed !== null && addresses.some(({ text }) => text === dialed.text) ? [dialed] : addresses;
}
