/** Bytes kept back, in the order they came; a copy. Time and memory are linear in what is kept, however small the pieces. */
export class HeldBytes {
  #buffer = NOTHING;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Octets of memory that it takes. */
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

  /** One large piece is held as it is; many small ones in twice the room that they take, at most. */
  #grow(length: number): void {
    const room = this.#length === 0 ? length : Math.max(length, this.#buffer.length * 2, LEAST_BYTES);
    const larger = Buffer.allocUnsafeSlow(room);
    larger.set(this.all());
    this.#buffer = larger;
  }
}

const NOTHING = Buffer.alloc(0);
const LEAST_BYTES = 64;
