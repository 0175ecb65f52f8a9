/**
 * One side of a tunnel: its socket, and who hears what becomes of it. The listeners are attached once, when the connection
 * comes; who has it next inherits what they hear, and nobody attaches and removes his own.
 */
import type { Socket } from 'node:net';

export interface Side {
  readonly socket: Socket;
  /** From now on; in place of whoever had it before. What has happened by now is not repeated. */
  inherit(heir: Heir): void;
}

export interface Heir {
  /** The peer has ended its side. */
  ended(): void;
  /** `hadError`: by an error; there is no other word of it. */
  closed(hadError: boolean): void;
}

/** For a socket that is nothing else. An error of it destroys it, and ends nothing else. */
export class PlainSide implements Side {
  readonly socket: Socket;
  #heir: Heir | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket
      .on('error', () => socket.destroy())
      .on('end', () => this.#heir?.ended())
      .on('close', (hadError) => this.#heir?.closed(hadError));
  }

  inherit(heir: Heir): void {
    this.#heir = heir;
  }
}
