/** How long a client may take to say what it wants. */
import { EgressError } from '../core/reasons.js';
import { Abort } from './abort.js';
import type { Deadline, Deadlines } from './deadlines.js';
import type { Ending } from './octet-reader.js';

/** One deadline for the whole handshake, so that a slow client cannot extend it message by message. */
export class HandshakeDeadline extends Abort implements Ending {
  readonly #deadline: Deadline;

  constructor(deadlines: Deadlines, timeoutMs: number) {
    super();
    this.#deadline = deadlines.of(() => this.abort());
    this.#deadline.set(timeoutMs);
  }

  get reason(): EgressError {
    return new EgressError('handshake-timeout');
  }

  clear(): void {
    this.#deadline.clear();
  }
}
