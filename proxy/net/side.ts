/**
 * One side of a tunnel: its socket, and who is told what happens to it. Listeners are attached once, when the connection
 * comes; each later owner inherits what they report instead of attaching its own. DECISIONS 235.
 */
import type { Socket } from 'node:net';

export interface Side {
  readonly socket: Socket;
  /** Reports to `heir` from now on, in place of the owner before. What has already happened is not repeated. */
  inherit(heir: Heir): void;
}

export interface Heir {
  /** The peer has ended its side. */
  ended(): void;
  /** `hadError`: because of an error, which is not reported otherwise. */
  closed(hadError: boolean): void;
}

/** A side for any socket. An error destroys the socket, and affects nothing else. */
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
