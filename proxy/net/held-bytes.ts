/** Copies of bytes in the order in which they came. Takes time and memory linear in their number, however small the pieces. */
export class HeldBytes {
  #buffer = NOTHING;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Octets of memory that it occupies. */
  get room(): number {
    return this.#buffer.length;
  }

  /** Returns how many are held now. */
  push(piece: Uint8Array): number {
    const held = this.#length;
    const length = held + piece.length;
    const before = this.#buffer;
    if (length > before.length) {
      // A single large piece gets room for just itself; many small ones get at most twice the room that they need.
      this.#buffer = Buffer.allocUnsafeSlow(held === 0 ? length : Math.max(length, before.length * 2, LEAST_BYTES));
      this.#buffer.set(before.subarray(0, held));
    }
    this.#buffer.set(piece, held);
    this.#length = length;
    return length;
  }

  /** Valid until the next push. */
  all(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

const NOTHING = Buffer.alloc(0);
const LEAST_BYTES = 64;
