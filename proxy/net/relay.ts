/** Moves bytes between two sockets until both directions have ended. */
import type { Socket } from 'node:net';
import type { CloseCause } from '../observe/record.js';
import type { DirectReads } from './direct-io.js';
import { type Screen, screening } from './first-bytes.js';
import type { Claim } from './memory-budget.js';
import { pump } from './pump.js';

export interface RelayOptions {
  /** Without a byte in either direction for this long, and none that waits for a slow reader, the tunnel is cut. */
  readonly idleTimeoutMs: number;
  readonly reads: DirectReads;
  /** For what slow readers make us hold. `refuse`: cuts the tunnel. */
  readonly claim: (refuse: () => void) => Claim;
  /** For the first bytes, until they are judged. `refuse`: cuts the tunnel. */
  readonly claimEarly: (refuse: () => void) => Claim;
  /** What the client sent with the request that opened the tunnel: goes up first. */
  readonly head: Buffer;
  /** Judges the first bytes from the client; null: they pass unseen. */
  readonly screen: Screen | null;
}

export interface RelayResult {
  /** Bytes read from the client, and from the upstream. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly cause: CloseCause;
}

export interface Relay {
  readonly done: Promise<RelayResult>;
  /** Read so far, in both directions. */
  bytes(): number;
  /** The same by direction. */
  carried(): { readonly up: number; readonly down: number };
  /** Cuts both directions now. */
  cut(cause: CloseCause): void;
}

/**
 * Takes both sockets over and never gives them back. An end in one direction is passed on and leaves the other one open
 * (half-close); an error on either side destroys both. A direction holds memory only while its reader is slower than
 * its writer: the rest of one read, and no more is read until that is gone. Over the budget, the tunnel is cut.
 */
export function relay(client: Socket, upstream: Socket, options: RelayOptions): Relay {
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
  let early: Claim | null = null;
  const screened = screening(options.screen, {
    up: (held) => void upstream.write(held),
    hold(octets) {
      if (octets > 0) early ??= options.claimEarly(() => cut('busy'));
      early?.hold(octets);
    },
    refuse(farewell) {
      if (cause === 'end') cause = 'refused';
      client.end(farewell);
      client.destroySoon();
      upstream.destroy();
    },
  });
  let releases: readonly (() => void)[] = [];
  // What waits for a reader that pauses is no silence: such a tunnel costs its share of the budget, and is not ended.
  const isHolding = (): boolean => client.writableLength > 0 || upstream.writableLength > 0;
  const idle = setTimeout(() => (isHolding() ? idle.refresh() : cut('idle')), options.idleTimeoutMs);
  const onClose = (): void => {
    open -= 1;
    if (open > 0) return;
    screened.ended();
    clearTimeout(idle);
    for (const release of releases) release();
    settle({ bytesUp: counts.up, bytesDown: counts.down, cause });
  };
  const up = (bytes: Buffer): Buffer | null => {
    counts.up += bytes.length;
    idle.refresh();
    return screened.up(bytes);
  };
  const down = (bytes: Buffer): Buffer | null => {
    counts.down += bytes.length;
    idle.refresh();
    screened.down();
    return upstream.destroyed ? null : bytes;
  };
  const { reads } = options;
  watch(client, { onLoss: () => cut('client-reset'), onClose: () => closed(client, upstream, onClose) });
  watch(upstream, { onLoss: () => cut('upstream-reset'), onClose: () => closed(upstream, client, onClose) });
  const head = options.head.length === 0 ? null : up(options.head);
  if (head !== null) upstream.write(head);
  onEnd(client, () => {
    screened.ended();
    passEnd(upstream);
  });
  onEnd(upstream, () => passEnd(client));
  const claim = (): Claim => options.claim(() => cut('busy'));
  releases = [
    pump(client, upstream, { reads, through: up, claim }),
    pump(upstream, client, { reads, through: down, claim }),
  ];
  return { done, bytes: () => counts.up + counts.down, carried: () => counts, cut };
}

/** Also for a side that had ended before it came here, while we were dialling: its event is not repeated. */
function onEnd(socket: Socket, then: () => void): void {
  if (socket.readableEnded) then();
  else socket.on('end', then);
}

/** Also for a socket that was lost before it came here: its events are not repeated. */
function watch(socket: Socket, { onLoss, onClose }: { onLoss(): void; onClose(): void }): void {
  socket.on('error', onLoss);
  if (socket.destroyed) onLoss();
  if (socket.closed) onClose();
  else socket.on('close', onClose);
}

/** A side that is destroyed without an end or an error (a peer gone in between) takes the other one with it. */
function closed(from: Socket, to: Socket, then: () => void): void {
  if (!from.readableEnded) to.destroy();
  then();
}

/** Where `to` has ended as well and has got all that it was sent, to close it says the same, for one system call less. */
function passEnd(to: Socket): void {
  if (to.readableEnded && to.writableLength === 0) to.destroy();
  else to.end();
}
