/** Fixed TCP relays into the tools' network: what listens on an internal network cannot publish a port of its own. */
import net, { type Socket } from 'node:net';
import type { HostPort } from '../config/config.js';
import { parsePrefix } from '../core/address.js';
import { parseHostPattern } from '../core/host-pattern.js';
import type { Policy } from '../core/policy.js';
import { isPort, parseHost, type Target } from '../core/target.js';
import { abortOnLoss, turnedAway } from '../http/connect.js';
import type { Doorway } from './arrivals.js';
import { openPassage } from './connect-upstream.js';
import type { Budget } from './connection-limits.js';

export interface FixedRelay {
  readonly to: Target;
  /** Allows `to` and nothing else, and that only at a private-use address: see `relayPolicy`. */
  readonly policy: Policy;
}

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

/** The fixed relay number `index` of the configuration; throws where `to` is no host and port. */
export function fixedRelay(to: HostPort, index: number): FixedRelay {
  const host = parseHost(to.host.includes(':') ? `[${to.host}]` : to.host);
  if (!host.ok || !isPort(to.port)) throw new Error(`relay[${index}].to is no destination`);
  const target: Target = { form: 'authority', scheme: null, host: host.value, port: to.port };
  return { to: target, policy: relayPolicy(target, `relay[${index}]`) };
}

function relayPolicy({ host, port }: Target, id: string): Policy {
  const rule = {
    id,
    host: host.kind === 'name' ? parseHostPattern(host.name) : null,
    address: host.kind === 'literal' ? parsePrefix(host.address.text) : null,
    ports: [{ from: port, to: port }],
    clients: null,
  };
  return { mode: 'enforce', default: 'none', sni: 'off', deny: [], allow: [], internal: [rule], nat64: [] };
}
