/** What is particular to a door that opens tunnels: how it hears where a client wants to go, and how it answers. */
import type { Reason } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Deadlines } from '../net/deadlines.js';
import type { Screen } from '../net/first-bytes.js';
import type { Door } from '../observe/record.js';
import type { Credentials } from './clients.js';
import type { Connected } from './connect-upstream.js';
import type { Flow } from './flow.js';

export interface TunnelDoor {
  /** As in records. */
  readonly name: Door;
  /** Begins to hear a client that has said something. `inForce`: whose tokens can be asked for. */
  hearing(inForce: ClientsInForce): Hearing;
  /** Why a client is refused that ends its side before it has said where it wants to go. */
  readonly unfinished: Reason;
  /** What tells the client that its tunnel is open; null: nothing does. */
  readonly granted: Buffer | null;
  /** What tells it that it gets no tunnel. */
  refused(reason: Reason): Buffer;
  /** Writes the record of an allowed request, perhaps only after the first bytes; without a screen, that happens at once. */
  screens?(deadlines: Deadlines, flow: Flow, upstream: Connected, status: null): Screen | null;
}

/** Read anew each time, since the policy may change. */
export interface ClientsInForce {
  readonly settings: { readonly clients: readonly { readonly token: unknown }[] };
}

/**
 * Hears one client, and never waits: it is asked each time that more has come. What it throws is a defect, and costs that client
 * its connection.
 */
export interface Hearing {
  /**
   * `held`: what has come and is not done with, at least one octet, and valid until this returns. Asked again as long as it is
   * done with some of it and more is left. How much it can ask for is bounded by itself.
   */
  hear(held: Buffer): Heard;
  /** Whether the credentials that it has heard are right. It hears on, or turns the client away. */
  identified?(isKnown: boolean): More | Refused;
}

/** `taken`: the first so many octets are done with. `answer`: what the client is told at once, before anything else happens. */
interface Taking {
  readonly taken: number;
  readonly answer?: Buffer;
}

export type Heard = More | Said;

export type Said = Credited | Outcome;

/** What follows the octets that are taken belongs to the destination. */
export type Outcome = Destined | Refused;

interface More extends Taking {
  readonly kind: 'more';
}

/** Who asks. At most once; without it, the client has no credentials. */
interface Credited extends Taking {
  readonly kind: 'credentials';
  readonly credentials: Credentials;
}

interface Destined extends Taking {
  readonly kind: 'target';
  readonly target: Target;
}

interface Refused extends Taking {
  readonly kind: 'refused';
  readonly reason: Reason;
}

/** A message is not whole. */
export const MORE: More = { kind: 'more', taken: 0 };

export function refusedAs(reason: Reason): Refused {
  return { kind: 'refused', taken: 0, reason };
}
