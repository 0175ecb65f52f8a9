/** Fixed TCP relays into the tools' network: what listens on an internal network cannot publish a port of its own. */
import net, { type Socket } from 'node:net';
import type { FixedRelay } from '../config/config.js';
import { abortOnLoss, turnedAway } from '../http/connect.js';
import type { Doorway } from './arrivals.js';
import { openPassage } from './connect-upstream.js';
import type { Budget } from './connection-limits.js';

/** Not listening yet. Each connection is one attempt with a record of its own; a refused one is closed. */
export function createFixedRelay(doorway: Doorway, budget: Budget, fixed: FixedRelay): net.Server {
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const busy = !budget.enter(socket);
    doorway.track(socket, relayOne(doorway, socket, busy, fixed));
  });
}

async function relayOne(doorway: Doorway, socket: Socket, busy: boolean, fixed: FixedRelay): Promise<void> {
  const gone = abortOnLoss(socket);
  const { attempt } = await doorway.arrive('relay', socket, { method: null, credentials: null, policy: fixed.policy });
  attempt.target = fixed.to;
  const fault = turnedAway(doorway, busy);
  const passage =
    fault === null
      ? await openPassage(doorway, attempt, fixed.to, gone.signal)
      : ({ open: false, ending: { reason: fault, rule: null } } as const);
  gone.release();
  if (!passage.open) {
    attempt.refused(passage.ending.reason, passage.ending.rule, null);
    socket.destroy();
    return;
  }
  attempt.allowed(null, passage.permit.rule, passage.wouldDeny);
  await doorway.tunnel(attempt, {
    client: socket,
    upstream: passage.dialed.socket,
    head: Buffer.alloc(0),
    screen: null,
  });
}
