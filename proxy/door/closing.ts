/** How a client's connection ends after its last bytes. */
import type { Socket } from 'node:net';
import { Deadline, type Deadlines, type Due } from '../net/deadlines.js';
import { send } from '../net/direct-io.js';
import type { Heir, Side } from '../net/side.js';

/** How long a client may keep sending before the connection is cut. */
const LINGER_MS = 30_000;
/** How often it is looked at: a client that is silent from one look to the next is cut as well. */
const LINGER_LOOK_MS = 2000;

/**
 * Writes the last bytes of a connection and closes it in stages (RFC 9112 section 9.6): a client that writes all of its
 * content before it reads must be read until then, or a reset would overtake the answer. The caller sees to it that
 * what arrives is read and dropped.
 */
export function closeAfter(deadlines: Deadlines, client: Side, bytes: Buffer): void {
  const { socket } = client;
  // Lost in the meantime: no event would come to clear the timers.
  if (socket.destroyed) return;
  if (bytes.length > 0) send(socket, bytes);
  socket.end();
  socket.resume();
  if (socket.readableEnded) socket.destroySoon();
  client.inherit(new Lingering(deadlines, socket));
}

/** A client that has had its last bytes and may still be sending. */
class Lingering implements Heir, Due {
  readonly #socket: Socket;
  readonly #until = performance.now() + LINGER_MS;
  readonly #look: Deadline;
  /** Octets read, at the last look. */
  #read: number;

  constructor(deadlines: Deadlines, socket: Socket) {
    this.#socket = socket;
    this.#read = socket.bytesRead;
    this.#look = new Deadline(deadlines, this);
    this.#look.set(LINGER_LOOK_MS);
  }

  ended(): void {
    this.#socket.destroySoon();
  }

  closed(): void {
    this.#look.clear();
  }

  onLate(): void {
    const { bytesRead } = this.#socket;
    if (bytesRead === this.#read || performance.now() >= this.#until) this.#socket.destroy();
    else this.#look.set(LINGER_LOOK_MS);
    this.#read = bytesRead;
  }
}
