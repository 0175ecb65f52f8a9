/** Reads a stream in pieces of a wanted size; whatever follows them stays in the stream for the next reader. */
import type { Readable } from 'node:stream';
import { EgressError } from '../core/reasons.js';

export interface Taker {
  /** Exactly so many octets. Throws EgressError `client-closed` where the stream ends before, or the signal's reason. */
  take(length: number): Promise<Buffer>;
  /** What there is, at least one octet; null at the end. Throws the signal's reason. */
  takeSome(): Promise<Buffer | null>;
  /** Lets go of the stream. */
  release(): void;
}

const EVENTS = ['readable', 'end', 'close', 'error'] as const;

/**
 * One listener for the whole life of the taker: a `readable` listener that is added while too little is buffered would
 * be called at once, again and again, and nothing else would ever run.
 */
export function takeFrom(stream: Readable, signal: AbortSignal): Taker {
  let wake = (): void => undefined;
  const onEvent = (): void => wake();
  for (const event of EVENTS) stream.on(event, onEvent);
  signal.addEventListener('abort', onEvent);
  const somethingNew = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  return {
    async take(length) {
      if (length === 0) return Buffer.alloc(0);
      for (;;) {
        signal.throwIfAborted();
        const chunk: unknown = stream.read(length);
        if (chunk instanceof Buffer && chunk.length === length) return chunk;
        if (chunk !== null || isOver(stream)) throw new EgressError('client-closed');
        await somethingNew();
      }
    },
    async takeSome() {
      for (;;) {
        signal.throwIfAborted();
        const chunk: unknown = stream.read();
        if (chunk instanceof Buffer) return chunk;
        if (isOver(stream)) return null;
        await somethingNew();
      }
    },
    release() {
      for (const event of EVENTS) stream.off(event, onEvent);
      signal.removeEventListener('abort', onEvent);
    },
  };
}

function isOver(stream: Readable): boolean {
  return stream.readableEnded || stream.destroyed;
}
