/** What probes get: a state and nothing else, since they have no token. */
import { type RelayLook, relayReadiness } from '../observe/relay-events.js';

export interface Probed {
  state(): 'starting' | 'ready' | 'draining';
  /** What the fixed relays lead to; absent: there are none. */
  relays?(): readonly RelayLook[];
}

/** 503 while no client should be sent here: before the doors are open, and from the first signal to terminate. */
export function readiness(probed: Probed): { readonly status: number; readonly body: object } {
  const state = probed.state();
  if (state !== 'ready') return { status: 503, body: { status: state } };
  return { status: 200, body: relayReadiness(probed.relays?.() ?? []) };
}
