/** The body of an answer as one text or as lines, neither longer than what an API server can send. */
import { ApiFailure } from './failure.js';

/**
 * etcd holds objects of up to 1.5 MiB, and JSON makes at most six octets of one: whoever writes to a pod cannot make it longer
 * than 9 MiB. Anything longer than this did not come from an API server.
 */
export const MOST_OCTETS = 16 * 1024 * 1024;

const NEWLINE = 10;

/** Rejects with `too-large` for more than `most` octets. */
export async function textOf(body: AsyncIterable<Buffer>, most = MOST_OCTETS): Promise<string> {
  const held = new Held(most);
  for await (const chunk of body) held.add(chunk);
  return held.take();
}

/** Each line without its end. Rejects with `too-large` for a line that is too long, and with `cut` if the last one has no end. */
export async function* linesOf(body: AsyncIterable<Buffer>, most = MOST_OCTETS): AsyncGenerator<string> {
  const held = new Held(most);
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      held.add(chunk.subarray(from, end));
      from = end + 1;
      const line = held.take();
      if (line.trim() !== '') yield line;
    }
    held.add(chunk.subarray(from));
  }
  if (held.take().trim() !== '') throw new ApiFailure('cut');
}

class Held {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #octets = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Buffer): void {
    this.#octets += chunk.length;
    if (this.#octets > this.#most) throw new ApiFailure('too-large');
    this.#chunks.push(chunk);
  }

  take(): string {
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks = [];
    this.#octets = 0;
    return text;
  }
}
