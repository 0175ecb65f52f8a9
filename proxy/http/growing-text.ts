/** Latin1 text that arrives in pieces as small as one octet. */
import { HeldBytes } from '../net/held-bytes.js';

/** Kept as octets: a growing string is a tree of its pieces, and thousands of one-octet pieces would take kilobytes of memory each time. */
export class GrowingText {
  #held = new HeldBytes();

  get length(): number {
    return this.#held.length;
  }

  /** A copy of the text, or of the part before `end`. */
  text(end = this.length): string {
    return this.#held.all().toString('latin1', 0, end);
  }

  add(piece: string): void {
    this.#held.push(Buffer.from(piece, 'latin1'));
  }

  clear(): void {
    this.#held = new HeldBytes();
  }
}
