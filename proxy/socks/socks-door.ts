/** The SOCKS door (RFC 1928): CONNECT only, names are resolved by us, username/password says which client asks. */
import net, { type Socket } from 'node:net';
import { EgressError, type Reason } from '../core/reasons.js';
import type { Parsed, Target } from '../core/target.js';
import type { Arrival, Doorway } from '../door/arrivals.js';
import { endingOf, openWhileWaiting } from '../door/connect-upstream.js';
import type { Budget } from '../door/connection-limits.js';
import type { Attempt } from '../door/flow.js';
import { abortOnLoss, turnedAway } from '../http/connect.js';
import { closeAfter, type Ending } from '../http/refusal.js';
import type { Abortable } from '../net/abort.js';
import { handshakeDeadline } from '../net/handshake-deadline.js';
import { readOctets } from '../net/octet-reader.js';
import { screenTunnel } from '../tls/tunnel-screen.js';
import {
  credentialsReply,
  METHOD,
  methodReply,
  readCredentials,
  readGreeting,
  readRequest,
  requestReply,
  selectMethod,
  type Take,
} from './messages.js';

const NOTHING = Buffer.alloc(0);

/** Not listening yet. Each connection is one attempt with a record of its own, once it has said anything. */
export function createSocksDoor(doorway: Doorway, budget: Budget): net.Server {
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const busy = !budget.enter(socket);
    doorway.track(socket, serve(doorway, socket, { busy, heard: () => budget.heard(socket) }));
  });
}

/** Never rejects, and never leaves `socket` open. */
async function serve(doorway: Doorway, socket: Socket, { busy, heard }: Entry): Promise<void> {
  const gone = abortOnLoss(socket);
  const progress: Progress = { attempt: null };
  try {
    const { attempt, target, rest } = await hear(doorway, socket, gone.signal, progress);
    heard();
    if (target === null) return refuseCredentials(socket, attempt);
    if (target.ok) attempt.target = target.value;
    const fault = turnedAway(doorway, busy);
    if (fault !== null) throw new EgressError(fault);
    if (!target.ok) throw new EgressError(target.reason);
    const early = doorway.keepEarly(socket, rest);
    const passage = await openWhileWaiting(doorway, attempt, target.value, { gone, early });
    if (!passage.open) return refuse(socket, attempt, passage.ending);
    socket.write(requestReply(null));
    const screen = screenTunnel(attempt, passage, null);
    await doorway.tunnel(attempt, { client: socket, upstream: passage.dialed.socket, head: early.take(), screen });
  } catch (error) {
    gone.release();
    if (socket.bytesRead === 0) socket.destroy();
    else refuse(socket, progress.attempt ?? doorway.arriveUnread('socks', socket), endingOf(doorway, error));
  }
}

interface Entry {
  /** The connection is over a limit. */
  readonly busy: boolean;
  /** Called when the handshake is whole. */
  readonly heard: () => void;
}

interface Progress {
  /** Null until the client is known. */
  attempt: Attempt | null;
}

interface Heard {
  readonly attempt: Attempt;
  /** Null where the credentials are wrong: nothing more is read. */
  readonly target: Parsed<Target> | null;
  /** What came after the handshake. */
  readonly rest: Buffer;
}

/** The whole handshake under one deadline. */
async function hear(doorway: Doorway, socket: Socket, gone: Abortable, progress: Progress): Promise<Heard> {
  const deadline = handshakeDeadline(gone, doorway.terms().limits.headerTimeoutMs);
  const taker = readOctets(socket, doorway.reads, deadline.signal);
  try {
    const { attempt, isKnown } = await greet(doorway, socket, taker.take);
    progress.attempt = attempt;
    const target = isKnown ? await readRequest(taker.take) : null;
    return { attempt, target, rest: taker.release() };
  } finally {
    taker.release();
    deadline.release();
  }
}

/**
 * Greeting and authentication (RFC 1928 section 3, RFC 1929). Credentials are asked for where some client has any: Java
 * offers both methods always, and has nothing to say.
 */
async function greet(doorway: Doorway, socket: Socket, take: Take): Promise<Arrival> {
  const methods = await readGreeting(take);
  if (methods === null) throw new EgressError('malformed-socks');
  const hasTokens = doorway.terms().clients.some(({ token }) => token !== null);
  const method = selectMethod(methods, hasTokens ? [METHOD.password, METHOD.none] : [METHOD.none, METHOD.password]);
  socket.write(methodReply(method ?? METHOD.refused));
  if (method === null) throw new EgressError('client-unauthenticated');
  if (method === METHOD.none) return doorway.arrive('socks', socket, { method: null, credentials: null });
  const given = await readCredentials(take);
  if (given === null) throw new EgressError('malformed-socks');
  const credentials = { user: given.username, password: given.password };
  const arrival = await doorway.arrive('socks', socket, { method: null, credentials });
  if (arrival.isKnown) socket.write(credentialsReply('accepted'));
  return arrival;
}

function refuseCredentials(socket: Socket, attempt: Attempt): void {
  attempt.refused('client-unauthenticated', null, null);
  closeAfter(socket, credentialsReply('refused'));
}

function refuse(socket: Socket, attempt: Attempt, { reason, rule }: Ending): void {
  attempt.refused(reason, rule, null);
  closeAfter(socket, repliesToRequest(reason) ? requestReply(reason) : NOTHING);
}

/** Before the request there is nothing that a request's reply would answer. */
function repliesToRequest(reason: Reason): boolean {
  return reason !== 'client-unauthenticated' && reason !== 'handshake-timeout' && reason !== 'malformed-socks';
}
