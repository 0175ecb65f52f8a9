/** What the connections of one HTTP listener share, and what becomes of them: the contract between server.ts and client-connection.ts. */
import type { Socket } from 'node:net';
import type { Arrivals } from '../door/arrivals.js';
import type { Running, UnderWay } from '../door/running.js';
import type { MemoryBudget } from '../net/memory-budget.js';
import type { OpenSet, Placed } from '../net/open-set.js';
import type { Side } from '../net/side.js';
import type { ForwardOwner } from './asked.js';
import type { ClientRequest } from './client-request.js';
import type { ClientResponse } from './client-response.js';
import type { HeadLimits, HeadReading } from './head-lines.js';
import type { RequestHead } from './request-head.js';

export type HeadFault = Extract<HeadReading, { kind: 'fault' }>['reason'] | 'header-timeout' | 'busy' | 'client-closed';

/** A connection, as its listener sees it. */
export interface OpenConnection extends Placed<OpenConnection> {
  /** True while no request of it is under way. */
  readonly isWaiting: boolean;
  readonly socket: Socket;
}

/** What every door shares, as far as a connection needs it itself. */
export interface ConnectionArrivals extends Pick<Arrivals, 'reads' | 'deadlines' | 'onDefect'> {
  /** Read for every head. */
  readonly inForce: { readonly settings: { readonly limits: ConnectionLimits } };
  readonly memory: Pick<MemoryBudget, 'claim'>;
  readonly running: Pick<Running, 'mayPersist'> & { readonly ordinary: Pick<UnderWay, 'add' | 'leave'> };
}

interface ConnectionLimits extends HeadLimits {
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** What the connections of one listener share. */
export interface ConnectionOptions {
  readonly arrivals: ConnectionArrivals;
  /** The open ones; each connection enters itself. */
  readonly open: OpenSet<OpenConnection>;
  /** As `forward` does. */
  serve(request: ClientRequest, response: ClientResponse, owner: ForwardOwner): void;
  /** Takes the connection over, as `upgrade` does. */
  connect(head: RequestHead, client: Side, options: TakeOverOptions): void;
  upgrade(request: ClientRequest, client: Side, options: TakeOverOptions): void;
  /** The head is malformed, too large, too late, or lost: answers and closes. What the client still sends is dropped. */
  refuse(reason: HeadFault, client: Side): void;
}

export interface TakeOverOptions {
  /** The connection is over a limit. */
  readonly busy: boolean;
  /** What came with the head; valid until the call returns. */
  readonly rest: Buffer;
}
