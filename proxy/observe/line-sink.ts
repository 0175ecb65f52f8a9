/** Where lines go: buffered and written asynchronously. Beyond a bound they are dropped, since nothing may wait for the log. */
import { constants, fstatSync, openSync } from 'node:fs';
import { pino } from 'pino';

export interface LineSink {
  /** Takes one line with its line end. Never blocks and never throws. */
  write(line: string): void;
  /** How many lines were lost, because the reader is too slow or gone, or the disk is full. */
  dropped(): number;
  /** Writes what is buffered, for no longer than `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** The part of sonic-boom that a sink uses. Both `pino.destination` and pino-roll return one. */
export interface LineStream {
  write(data: string | Buffer): boolean;
  end(): void;
  destroy(): void;
  // biome-ignore lint/suspicious/noExplicitAny: the listener's arguments differ by event, as in node:events
  on(event: 'error' | 'drop' | 'close', listener: (argument: any) => void): unknown;
}

/** A line waits no longer than this before it is written. */
export const FLUSH_INTERVAL_MS = 100;
/**
 * Options of sonic-boom: large writes under load, and a bounded buffer if the reader stalls. A write goes through the thread
 * pool, which costs more than the lines in it, so it waits for 64 KiB (the size of a pipe) or the interval. Buffers
 * instead of strings, because sonic-boom measures a growing string from its beginning for each line.
 */
export const BUFFERING = {
  sync: false,
  contentMode: 'buffer',
  minLength: 1 << 16,
  maxWrite: 1 << 17,
  maxLength: 4 << 20,
  periodicFlush: FLUSH_INTERVAL_MS,
} as const;

/** A sink on standard output. */
export function stdoutSink(): LineSink {
  return streamSink(pino.destination({ dest: withoutBlocking(1), ...BUFFERING }));
}

/** A sink over a sonic-boom stream, which it owns from now on. Errors of the stream lose lines but never end the process. */
export function streamSink(stream: LineStream): LineSink {
  let dropped = 0;
  let closed = false;
  const ended = new Promise<void>((resolve) => stream.on('close', () => resolve()));
  stream.on('drop', () => {
    dropped += 1;
  });
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') closed = true;
  });
  return {
    write(line) {
      try {
        if (closed) dropped += 1;
        else stream.write(Buffer.from(line));
      } catch {
        dropped += 1;
      }
    },
    dropped: () => dropped,
    async close(deadlineMs) {
      if (closed) return;
      closed = true;
      stream.end();
      await Promise.race([ended, deadline(deadlineMs, () => stream.destroy())]);
    },
  };
}

/**
 * A write to a full pipe would block a thread of the pool that files share, and keep the process from ending. Opening the same
 * pipe a second time makes it non-blocking for us without changing it for other processes.
 */
function withoutBlocking(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}

function deadline(ms: number, act: () => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      act();
      resolve();
    }, ms);
    timer.unref();
  });
}
