/** From a Permit to a connected socket, for what waits for one with a promise. */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import type { Permit } from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import { dialed } from '../net/dialer.js';
import { dialerFor, type Gate, since } from './admit.js';

/** `error`: what the dialer threw. */
export type Dialing =
  | { readonly ok: true; readonly socket: Socket; readonly address: Address; readonly ms: number }
  | { readonly ok: false; readonly error: unknown; readonly ms: number };

/** Opens one connection, which the caller owns. Never rejects. */
export async function dial(gate: Gate, permit: Permit, signal: Abortable): Promise<Dialing> {
  const startedAt = performance.now();
  try {
    const { socket, address } = await dialed(dialerFor(gate, permit), permit, signal);
    return { ok: true, socket, address, ms: since(startedAt) };
  } catch (error) {
    forgetName(gate, permit.target, error);
    return { ok: false, error, ms: since(startedAt) };
  }
}

/** A restarted container has another address: the next request must not wait for the old one's TTL. */
export function forgetName({ resolver }: Gate, { host }: Target, error: unknown): void {
  if (host.kind === 'name' && reasonOf(error) !== 'client-closed') resolver.forget?.(host.name);
}
