/** Moves bytes between two sockets until both directions have ended. */
import type { Socket } from 'node:net';
import type { CloseCause } from '../observe/record.js';
import { readInto, writeNow } from './direct-io.js';

export interface RelayTerms {
  /** Without a byte in either direction for this long, the tunnel is cut. */
  readonly idleTimeoutMs: number;
  /** What every tunnel reads into; a slow reader holds a copy of at most its size. */
  readonly buffer: Buffer;
  /** What the client sent with the request that opened the tunnel: goes up first. */
  readonly head: Buffer;
}

export interface RelayResult {
  /** Bytes read from the client, and from the upstream. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly cause: CloseCause;
}

export interface Relay {
  readonly done: Promise<RelayResult>;
  /** Cuts both directions now. */
  cut(cause: CloseCause): void;
}

/**
 * Takes both sockets over and never gives them back. An end in one direction is passed on and leaves the other one open
 * (half-close); an error on either side destroys both. A direction holds memory only while its reader is slower than
 * its writer: the rest of one read, and no more is read until that is gone.
 */
export function relay(client: Socket, upstream: Socket, terms: RelayTerms): Relay {
  const counts = { up: 0, down: 0 };
  let cause: CloseCause = 'end';
  let open = 2;
  let settle: (result: RelayResult) => void;
  const done = new Promise<RelayResult>((resolve) => {
    settle = resolve;
  });
  const cut = (why: CloseCause): void => {
    if (cause === 'end') cause = why;
    client.destroy();
    upstream.destroy();
  };
  if (terms.head.length > 0) {
    counts.up += terms.head.length;
    upstream.write(terms.head);
  }
  const idle = setTimeout(() => cut('idle'), terms.idleTimeoutMs);
  const onClose = (): void => {
    open -= 1;
    if (open > 0) return;
    clearTimeout(idle);
    settle({ bytesUp: counts.up, bytesDown: counts.down, cause });
  };
  onEnding(client, () => cut('client-reset'), onClose);
  onEnding(upstream, () => cut('upstream-reset'), onClose);
  pump(client, upstream, terms.buffer, (bytes) => {
    counts.up += bytes;
    idle.refresh();
  });
  pump(upstream, client, terms.buffer, (bytes) => {
    counts.down += bytes;
    idle.refresh();
  });
  return { done, cut };
}

/** Also for a socket that was lost before it came here: its events are not repeated. */
function onEnding(socket: Socket, onLoss: () => void, onClose: () => void): void {
  socket.on('error', onLoss);
  if (socket.destroyed) onLoss();
  if (socket.closed) onClose();
  else socket.on('close', onClose);
}

function pump(from: Socket, to: Socket, buffer: Buffer, count: (bytes: number) => void): void {
  const resume = (): void => void from.resume();
  from.on('end', () => to.end());
  // A side that is destroyed without an end or an error (a peer gone in between) takes the other one with it.
  from.on('close', () => (from.readableEnded ? undefined : to.destroy()));
  readInto(from, buffer, (bytes) => {
    count(bytes.length);
    return pass(bytes, to, resume);
  });
}

/** True: all of it is with the kernel. False: a copy of the rest is queued, and `whenGone` is called after it. */
function pass(bytes: Buffer, to: Socket, whenGone: () => void): boolean {
  let written = 0;
  try {
    written = writeNow(to, bytes);
  } catch (error) {
    to.destroy(error instanceof Error ? error : new Error('write failed'));
    return false;
  }
  if (written === bytes.length) return true;
  to.write(Buffer.from(bytes.subarray(written)), whenGone);
  return false;
}
