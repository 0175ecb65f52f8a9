/**
 * The first head of each connection. A CONNECT goes to its door at once, and everything else to Node's HTTP server with
 * the bytes it came in: most connections are one CONNECT, for which that server's parser, request and response would
 * cost more than all that is decided about it.
 */
import type { Socket } from 'node:net';
import type { DirectReads } from '../net/direct-io.js';
import { ConnectHeadReader, type HeadReading } from './connect-head.js';
import { type Early, keepEarly } from './early-data.js';
import type { RequestHead } from './request-head.js';

export interface FrontTerms {
  /** How every connection is read. */
  readonly reads: DirectReads;
  readonly limits: () => { readonly headerBytes: number; readonly headerTimeoutMs: number };
  /** Takes the connection over. */
  onConnect(request: RequestHead, socket: Socket, early: Early): void;
  /** Takes the connection over, whose bytes nobody has read. */
  onOther(socket: Socket): void;
  /** The head is not one, too large or too late. What the client still sends is read and dropped. */
  onFault(reason: HeadFault, socket: Socket): void;
}

export type HeadFault = Extract<HeadReading, { kind: 'fault' }>['reason'] | 'header-timeout';

export interface Front {
  welcome(socket: Socket): void;
  /** Ends the connections whose first head is not whole. */
  close(): void;
}

export function createFront(terms: FrontTerms): Front {
  const waiting = new Set<Socket>();
  return {
    welcome: (socket) => welcome(terms, waiting, socket),
    close() {
      for (const socket of waiting) socket.destroy();
    },
  };
}

/** `waiting` holds the socket until its head is whole. One that ends or is lost without a byte asks for nothing, and gets nothing. */
function welcome({ reads, limits, ...to }: FrontTerms, waiting: Set<Socket>, socket: Socket): void {
  const { headerBytes, headerTimeoutMs } = limits();
  const reader = new ConnectHeadReader(headerBytes);
  const destroy = (): void => void socket.destroy();
  const leave = (): void => {
    clearTimeout(deadline);
    waiting.delete(socket);
    socket.off('close', leave).off('end', onEnd);
  };
  const fail = (reason: HeadFault): void => {
    leave();
    reads.read(socket, () => true);
    to.onFault(reason, socket);
  };
  const onEnd = (): void => (reader.isEmpty ? destroy() : fail('malformed-request'));
  const pass = (reading: Exclude<HeadReading, { kind: 'need-more' | 'fault' }>): void => {
    leave();
    if (reading.kind === 'head') {
      to.onConnect(reading.head, socket, keepEarly(socket, reads, reading.rest));
    } else {
      reads.giveBack(socket, reader.bytes());
      to.onOther(socket);
    }
  };
  const deadline = setTimeout(() => (reader.isEmpty ? destroy() : fail('header-timeout')), headerTimeoutMs);
  waiting.add(socket);
  socket.on('close', leave).on('end', onEnd);
  reads.read(socket, (bytes) => {
    const reading = reader.push(bytes);
    if (reading.kind === 'fault') fail(reading.reason);
    else if (reading.kind !== 'need-more') pass(reading);
    return true;
  });
}
