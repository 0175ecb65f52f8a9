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

  push(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#buffer.length) this.#grow(length);
    this.#buffer.set(piece, this.#length);
    this.#length = length;
  }

  /** Valid until the next push. */
  all(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A single large piece gets room for just itself; many small ones get at most twice the room that they need. */
  #grow(length: number): void {
    const room = this.#length === 0 ? length : Math.max(length, this.#buffer.length * 2, LEAST_BYTES);
    const larger = Buffer.allocUnsafeSlow(room);
    larger.set(this.all());
    this.#buffer = larger;
  }
}

const NOTHING = Buffer.alloc(0);
const LEAST_BYTES = 64;
