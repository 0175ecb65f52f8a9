/** The CONNECT door (RFC 9110 section 9.3.6). */
import type { Socket } from 'node:net';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import { parseAuthority } from '../core/target.js';
import type { Doorway } from '../door/arrivals.js';
import { abortOnLoss, turnedAway } from '../door/closing.js';
import { openWhileWaiting, type Passage } from '../door/connect-upstream.js';
import type { Early } from '../door/early-data.js';
import type { Attempt } from '../door/flow.js';
import { send } from '../net/direct-io.js';
import { screenTunnel } from '../tls/tunnel-screen.js';
import { endSocket } from './refusal.js';
import { credentialsOf, hasContent, headFault, hostFault, type RequestHead } from './request-head.js';

const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1');

/**
 * One CONNECT, from its head to the end of its tunnel. `early`: bytes that come behind it; they leave only once the
 * tunnel stands. `busy`: the connection is over a limit. Never rejects, and never leaves `socket` open.
 */
export function connect(doorway: Doorway, request: RequestHead, socket: Socket, terms: ConnectTerms): Promise<void> {
  // Not one function: while it waits for the tunnel's end it would hold the request's head.
  return open(doorway, request, socket, terms).then((opened) =>
    opened === null ? undefined : relayOpened(doorway, socket, opened),
  );
}

interface ConnectTerms {
  readonly early: Early;
  readonly busy: boolean;
}

interface Opened {
  readonly attempt: Attempt;
  readonly passage: Extract<Passage, { open: true }>;
  readonly head: Buffer;
}

function relayOpened(doorway: Doorway, client: Socket, { attempt, passage, head }: Opened): Promise<void> {
  const screen = screenTunnel(attempt, passage, 200);
  return doorway.tunnel(attempt, { client, upstream: passage.dialed.socket, head, screen });
}

/** Null where the request was refused. */
async function open(
  doorway: Doorway,
  request: RequestHead,
  socket: Socket,
  { early, busy }: ConnectTerms,
): Promise<Opened | null> {
  const gone = abortOnLoss(socket);
  const arriving = doorway.arrive('connect', socket, { method: 'CONNECT', credentials: credentialsOf(request) });
  const { attempt, isKnown } = arriving instanceof Promise ? await arriving : arriving;
  const end = (refused: Refusal): null => {
    early.drop();
    endSocket(socket, attempt, refused);
    return null;
  };
  const refuse = (reason: Reason): null => end(refusal(reason));
  const target = parseAuthority(request.url ?? '');
  if (target.ok) attempt.target = target.value;
  const fault = turnedAway(doorway, busy) ?? headFault(request) ?? (hasContent(request) ? 'malformed-request' : null);
  if (fault !== null) return refuse(fault);
  if (!target.ok) return refuse(target.reason);
  const mismatch = hostFault(request, target.value, socket);
  if (mismatch !== null) return refuse(mismatch);
  if (!isKnown) return refuse('client-unauthenticated');

  const passage = await openWhileWaiting(doorway, attempt, target.value, { gone, early });
  if (!passage.open) return end(passage.refusal);
  send(socket, ESTABLISHED);
  return { attempt, passage, head: early.take() };
}
