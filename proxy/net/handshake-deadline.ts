/** How long a client may take to say what it wants. */
import { EgressError } from '../core/reasons.js';
import type { Abortable } from './abort.js';

export interface HandshakeDeadline {
  /** Its reason is an EgressError: `handshake-timeout`, or `client-closed` where the client is gone before. */
  readonly signal: AbortSignal;
  release(): void;
}

/** One deadline for the whole handshake, so that no slow client can stretch it message by message. */
export function handshakeDeadline(gone: Abortable, timeoutMs: number): HandshakeDeadline {
  const controller = new AbortController();
  const onGone = (): void => controller.abort(new EgressError('client-closed'));
  const timer = setTimeout(() => controller.abort(new EgressError('handshake-timeout')), timeoutMs);
  if (gone.aborted) onGone();
  gone.addEventListener('abort', onGone);
  return {
    signal: controller.signal,
    release() {
      clearTimeout(timer);
      gone.removeEventListener('abort', onGone);
    },
  };
}
