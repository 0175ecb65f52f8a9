/** Exactly so many octets off a stream; whatever follows them stays in the stream for the next reader. */
import type { Readable } from 'node:stream';
import { EgressError } from '../core/reasons.js';

/** Throws EgressError `client-closed` at the end of the stream, or the signal's reason. */
export async function takeExactly(stream: Readable, length: number, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    signal.throwIfAborted();
    const chunk: unknown = length === 0 ? Buffer.alloc(0) : stream.read(length);
    if (chunk instanceof Buffer && chunk.length === length) return chunk;
    if (chunk !== null || stream.readableEnded || stream.destroyed) throw new EgressError('client-closed');
    await readableOrEnd(stream, signal);
  }
}

/** Resolves when there may be something to read, or nothing more to come. */
export function readableOrEnd(stream: Readable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'close', 'error'] as const;
    const done = () => {
      for (const event of events) stream.off(event, done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    for (const event of events) stream.on(event, done);
    signal.addEventListener('abort', done);
  });
}
