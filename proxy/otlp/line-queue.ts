/** Lines that wait for a collector. When the queue is full, further ones are lost and counted. */
import type { LineSink } from '../observe/line-sink.js';

export class LineQueue implements Pick<LineSink, 'write'> {
  readonly #most: { readonly lines: number; readonly bytes: number };
  #lines: string[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(most: { readonly lines: number; readonly bytes: number }) {
    this.#most = most;
  }

  get length(): number {
    return this.#lines.length;
  }

  /** Lines lost so far. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (this.#lines.length >= this.#most.lines || this.#bytes + line.length > this.#most.bytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  /** The oldest ones, which stay until `remove`. */
  peek(count: number): readonly string[] {
    return this.#lines.slice(0, count);
  }

  remove(count: number): void {
    const gone = this.#lines.slice(0, count);
    this.#lines = this.#lines.slice(count);
    for (const line of gone) this.#bytes -= line.length;
  }

  /** Removes the oldest ones as lost. */
  drop(count: number): void {
    this.#dropped += Math.min(count, this.#lines.length);
    this.remove(count);
  }
}
