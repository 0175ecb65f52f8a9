/** The CONNECT door (RFC 9110 section 9.3.6). */
import type { Socket } from 'node:net';
import type { Reason } from '../core/reasons.js';
import { parseAuthority } from '../core/target.js';
import type { Doorway } from '../door/arrivals.js';
import { openPassage } from '../door/connect-upstream.js';
import { Abort, type Abortable } from '../net/abort.js';
import { send } from '../net/direct-io.js';
import { screenTunnel } from '../tls/tunnel-screen.js';
import type { Early } from './early-data.js';
import { type Ending, endSocket } from './refusal.js';
import { credentialsOf, hasContent, headFault, hostFault, type RequestHead } from './request-head.js';

const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1');

/**
 * One CONNECT, from its head to the end of its tunnel. `early`: bytes that come behind it; they leave only once the
 * tunnel stands. `busy`: the connection is over a limit. Never rejects, and never leaves `socket` open.
 */
export async function connect(
  doorway: Doorway,
  request: RequestHead,
  socket: Socket,
  { early, busy }: { readonly early: Early; readonly busy: boolean },
): Promise<void> {
  const gone = abortOnLoss(socket);
  const arriving = doorway.arrive('connect', socket, { method: 'CONNECT', credentials: credentialsOf(request) });
  const { attempt, isKnown } = arriving instanceof Promise ? await arriving : arriving;
  const end = (ending: Ending): void => {
    early.drop();
    endSocket(socket, attempt, ending);
  };
  const refuse = (reason: Reason): void => end({ reason, rule: null, what: null });
  const target = parseAuthority(request.url ?? '');
  if (target.ok) attempt.target = target.value;
  const fault = turnedAway(doorway, busy) ?? headFault(request) ?? (hasContent(request) ? 'malformed-request' : null);
  if (fault !== null) return refuse(fault);
  if (!target.ok) return refuse(target.reason);
  const mismatch = hostFault(request, target.value);
  if (mismatch !== null) return refuse(mismatch);
  if (!isKnown) return refuse('client-unauthenticated');

  const passage = await openPassage(doorway, attempt, target.value, gone.signal);
  gone.release();
  if (!passage.open) return end(passage.ending);
  send(socket, ESTABLISHED);
  const screen = screenTunnel(attempt, passage, 200);
  await doorway.tunnel(attempt, { client: socket, upstream: passage.dialed.socket, head: early.take(), screen });
}

/** Reasons to take no new request at all, or null. */
export function turnedAway(doorway: Doorway, busy: boolean): Reason | null {
  if (doorway.isDraining) return 'draining';
  return busy ? 'busy' : null;
}

/** Aborts when the client is lost before it has an answer. A half-close is no loss. Errors are the listener's to hear. */
export function abortOnLoss(socket: Socket): { readonly signal: Abortable; release(): void } {
  const signal = new Abort();
  const abort = (): void => signal.abort();
  socket.on('close', abort);
  if (socket.destroyed) abort();
  return { signal, release: () => void socket.off('close', abort) };
}
