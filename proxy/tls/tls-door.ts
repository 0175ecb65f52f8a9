/** The TLS door: a connection whose ClientHello says where it wants to go. The bytes are relayed as they came. */
import net, { type Socket } from 'node:net';
import { EgressError } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Doorway } from '../door/arrivals.js';
import { endingOf, openWhileWaiting } from '../door/connect-upstream.js';
import type { Budget } from '../door/connection-limits.js';
import type { Attempt } from '../door/flow.js';
import { HTTPS_PORT } from '../door/steered-ports.js';
import { abortOnLoss, turnedAway } from '../http/connect.js';
import { closeAfter, type Ending } from '../http/refusal.js';
import { handshakeDeadline } from '../net/handshake-deadline.js';
import { HeldBytes } from '../net/held-bytes.js';
import { readOctets } from '../net/octet-reader.js';
import { refusalAlert } from './alert.js';
import type { ClientHello } from './client-hello.js';
import { HelloReader } from './hello-reader.js';

/**
 * Names that exist as the outer name of Encrypted Client Hello only (RFC 9849): behind them is a name that nobody on the
 * way can read. A browser's GREASE extension comes with the true name, and passes.
 */
const ECH_PUBLIC_NAMES: ReadonlySet<string> = new Set(['cloudflare-ech.com']);

/** Not listening yet. Each connection that says anything is one attempt; a refused one gets a TLS alert. */
export function createTlsDoor(doorway: Doorway, budget: Budget): net.Server {
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const busy = !budget.enter(socket);
    doorway.track(socket, steer(doorway, socket, { busy, heard: () => budget.heard(socket) }));
  });
}

/** Never rejects, and never leaves `socket` open. */
async function steer(doorway: Doorway, socket: Socket, { busy, heard }: Entry): Promise<void> {
  const gone = abortOnLoss(socket);
  const { attempt } = await doorway.arrive('steer-tls', socket, { method: null, credentials: null });
  const deadline = handshakeDeadline(gone.signal, doorway.terms().limits.headerTimeoutMs);
  try {
    const { hello, seen } = await readHello(doorway, socket, deadline.signal);
    heard();
    deadline.release();
    const early = doorway.keepEarly(socket, seen);
    const target = targetOf(hello);
    attempt.target = target;
    const fault = turnedAway(doorway, busy);
    if (fault !== null) throw new EgressError(fault);
    const passage = await openWhileWaiting(doorway, attempt, target, { gone, early });
    if (!passage.open) return refuse(socket, attempt, passage.ending);
    attempt.allowed(null, passage.permit.rule, passage.wouldDeny);
    await doorway.tunnel(attempt, {
      client: socket,
      upstream: passage.dialed.socket,
      head: early.take(),
      screen: null,
    });
  } catch (error) {
    deadline.release();
    gone.release();
    if (socket.bytesRead === 0) socket.destroy();
    else refuse(socket, attempt, endingOf(doorway, error));
  }
}

interface Entry {
  /** The connection is over a limit. */
  readonly busy: boolean;
  /** Called when the ClientHello is whole. */
  readonly heard: () => void;
}

interface HelloSeen {
  readonly hello: ClientHello;
  /** All bytes so far: they are the origin's to read. */
  readonly seen: Buffer;
}

/** Throws an EgressError where there is no ClientHello to read. */
async function readHello(doorway: Doorway, socket: Socket, signal: AbortSignal): Promise<HelloSeen> {
  const reader = new HelloReader();
  const seen = new HeldBytes();
  const taker = readOctets(socket, doorway.reads, signal);
  try {
    for (;;) {
      const chunk = await taker.takeSome();
      if (chunk === null) throw new EgressError('malformed-hello');
      seen.push(chunk);
      const state = reader.push(chunk);
      if (state.kind === 'not-tls') throw new EgressError('tls-expected');
      if (state.kind === 'defect') throw new EgressError(state.defect);
      if (state.kind === 'need-more') continue;
      seen.push(taker.release());
      return { hello: state.hello, seen: seen.all() };
    }
  } finally {
    taker.release();
  }
}

/** `https://name/` is what a client wanted that came here: no ClientHello says a port. */
function targetOf({ sni, hasEch }: ClientHello): Target {
  if (sni === null) throw new EgressError(hasEch ? 'sni-encrypted' : 'sni-missing');
  if (hasEch && ECH_PUBLIC_NAMES.has(sni)) throw new EgressError('sni-encrypted');
  return { form: 'authority', scheme: null, host: { kind: 'name', name: sni }, port: HTTPS_PORT };
}

function refuse(socket: Socket, attempt: Attempt, { reason, rule }: Ending): void {
  attempt.refused(reason, rule, null);
  closeAfter(socket, refusalAlert(reason));
}
