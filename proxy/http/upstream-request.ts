/** A request with its Permit, over a connection to one of the Permit's addresses: an idle one, or a new one. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Permit } from '../core/policy.js';
import { dial } from '../door/admit.js';
import type { Doorway } from '../door/arrivals.js';
import type { Attempt } from '../door/flow.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed } from '../net/dialer.js';
import { secure } from '../net/upstream-tls.js';
import { exchangeByNode, needsNode } from './exchange-node.js';
import { type ExchangeFailure, type ExchangeRequest, exchange } from './exchange-undici.js';
import { RESPONSE_HEADER_BYTES, type Upstream, type UpstreamPool } from './upstream-pool.js';

export interface Sending {
  readonly attempt: Attempt;
  readonly permit: Permit;
  /** Aborts when the client is gone. */
  readonly signal: Abortable;
  readonly pool: UpstreamPool;
  readonly request: ExchangeRequest;
  readonly expectsContinue: boolean;
  readonly response: ServerResponse;
  /** The head of the final response is about to be written. */
  onFinal(status: number): void;
  onUpgraded(fields: string[], upstream: Duplex): void;
}

/**
 * Null when the response (or the upgrade) is through. Rejects with an EgressError where no connection can be had. Sent
 * again only where the origin had closed an idle connection before a byte of the request was written.
 */
export async function send(doorway: Doorway, sending: Sending): Promise<ExchangeFailure | null> {
  const { attempt, permit, pool, request, response, expectsContinue } = sending;
  const { content } = request;
  if (needsNode(content, expectsContinue)) {
    const { socket } = await open(doorway, sending);
    const { idleTimeoutMs } = doorway.terms().limits;
    const terms = { expectsContinue, idleTimeoutMs, headerBytes: RESPONSE_HEADER_BYTES, onFinal: sending.onFinal };
    return exchangeByNode(socket, { ...request, content }, response, terms);
  }
  const reused = pool.take(permit, attempt.client);
  if (reused !== null) {
    attempt.dialed = reused.address;
    const failure = await over(reused, sending);
    if (failure === null || failure.wasSent || request.content?.readableDidRead) return failure;
  }
  return over(pool.adopt(permit, attempt.client, await open(doorway, sending)), sending);
}

function over(
  upstream: Upstream,
  { request, response, onFinal, onUpgraded }: Sending,
): Promise<ExchangeFailure | null> {
  return exchange(upstream, request, response, {
    onFinal,
    onUpgraded: (fields, socket) => {
      onFinal(101);
      onUpgraded(fields, socket);
    },
  });
}

/** A new connection, with TLS where the scheme says so. */
async function open(doorway: Doorway, { attempt, permit, signal }: Sending): Promise<Dialed> {
  const dialed = await dial(doorway.gate, attempt, permit, signal);
  if (permit.target.scheme !== 'https') return dialed;
  const timeoutMs = doorway.terms().limits.connectTimeoutMs;
  return { ...dialed, socket: await secure(dialed.socket, permit.target, { signal, timeoutMs }) };
}
