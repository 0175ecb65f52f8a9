/** Text that comes in pieces, as small as one octet. */

/** A string that grows is a tree of its pieces, and thousands of one octet each would take memory by the kilobyte. */
const FOLD_AFTER = 256;

export class GrowingText {
  #text = '';
  #pieces = 0;

  get text(): string {
    return this.#text;
  }

  add(piece: string): void {
    this.#text += piece;
    this.#pieces += 1;
    if (this.#pieces % FOLD_AFTER === 0) this.#text = ownText(this.#text);
  }

  clear(): void {
    this.#text = '';
    this.#pieces = 0;
  }
}

/** A copy of latin1 text. A slice keeps all that it was cut from: a tunnel would hold its whole head for the name of its host. */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
