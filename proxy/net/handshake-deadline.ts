/** How long a client may take to say what it wants. */
import { EgressError } from '../core/reasons.js';
import { Abort } from './abort.js';
import { Deadline, type Deadlines, type Due } from './deadlines.js';
import type { Ending } from './octet-reader.js';

/** One deadline for the whole handshake, so that a slow client cannot extend it message by message. */
export class HandshakeDeadline extends Abort implements Ending, Due {
  readonly #deadline: Deadline;

  constructor(deadlines: Deadlines, timeoutMs: number) {
    super();
    this.#deadline = new Deadline(deadlines, this);
    this.#deadline.set(timeoutMs);
  }

  get reason(): EgressError {
    return new EgressError('handshake-timeout');
  }

  onLate(): void {
    this.abort();
  }

  clear(): void {
    this.#deadline.clear();
  }
}
