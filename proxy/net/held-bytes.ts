/** Bytes kept back, in the order they came. Joined now and then: thousands of one-byte pieces are not kept as such. */
export class HeldBytes {
  #pieces: Buffer[] = [];
  #length = 0;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    this.#length += piece.length;
    this.#pieces.push(piece);
    if (this.#pieces.length >= MOST_PIECES) this.#pieces = [Buffer.concat(this.#pieces)];
  }

  all(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

const MOST_PIECES = 64;
