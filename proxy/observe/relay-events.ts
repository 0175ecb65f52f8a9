/** Changes of the fixed relays' targets, as events in the log. */
import type { Logger } from 'pino';

/** One look at the target of a relay; see door/relay-watch.ts. */
export interface RelayLook {
  readonly relay: string;
  readonly to: string;
  readonly state: string;
  readonly outside: readonly string[];
}

/** To be called with each change, in order. Writes a line for those that an operator has to know. */
export function relayEvents(log: Pick<Logger, 'info' | 'warn' | 'error'>): (look: RelayLook) => void {
  const before = new Map<string, RelayLook>();
  return (look) => {
    const { relay, to, state, outside } = look;
    const last = before.get(relay);
    before.set(relay, look);
    if (state !== last?.state) {
      if (state === 'up') log.info({ event: 'relay-up', relay, to }, 'the target of the relay answers');
      else log.warn({ event: 'relay-down', relay, to, reason: state }, 'the target of the relay does not answer');
    }
    if (outside.join() === (last?.outside ?? []).join()) return;
    if (outside.length > 0) {
      const seen = state === 'up';
      log.error(
        { event: 'gateway-outside', relay, to, outside, behindProxy: seen },
        'a gateway answers outside the network of the tools: it was started without the override, and its tools are not confined',
      );
    } else log.info({ event: 'gateway-inside', relay, to }, 'no gateway answers outside the network of the tools');
  };
}

/** For readyz: only a state, since that is answered without a token. */
export function relayReadiness(looks: readonly RelayLook[]): object {
  if (looks.length === 0) return { status: 'ok' };
  const relays = looks.map(({ relay, state, outside }) => ({
    relay,
    state,
    ...(outside.length > 0 ? { outside: true } : {}),
  }));
  const well = relays.every(({ state, outside }) => (state === 'up' || state === 'unknown') && outside === undefined);
  return { status: well ? 'ok' : 'degraded', relays };
}
