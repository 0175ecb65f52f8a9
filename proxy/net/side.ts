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

const HEARER = Symbol('hearer');
type Heard = Socket & { [HEARER]?: Heir | undefined };

/**
 * Reports the end and the close of a socket to `hearer`; an error destroys the socket. Once for each socket. All sockets
 * share the listeners: thousands of silent tunnels would each keep six closures.
 */
export function report(socket: Socket, hearer: Heir): void {
  const heard: Heard = socket;
  heard[HEARER] = hearer;
  socket.on('error', onError).on('end', onEnd).on('close', onClose);
}

function onError(this: Socket): void {
  this.destroy();
}

function onEnd(this: Heard): void {
  this[HEARER]?.ended();
}

/** V8 may keep a closed socket for a while, and must not keep a whole tunnel with it. */
function onClose(this: Heard, hadError: boolean): void {
  const hearer = this[HEARER];
  this[HEARER] = undefined;
  hearer?.closed(hadError);
}
