/** Texts as Windows writes them: PowerShell's `>` makes UTF-16 with a byte order mark, Notepad may put one before UTF-8. */
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';

/** Throws where the bytes are not valid in the encoding that their byte order mark names; UTF-8 without one. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
}

/** The same for a stream. What is not valid becomes U+FFFD: a log may have been cut anywhere. */
export async function* decodedPieces(input: Readable): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null;
  for await (const piece of input) {
    const bytes: Uint8Array = typeof piece === 'string' ? Buffer.from(piece) : piece;
    decoder ??= new TextDecoder(encodingOf(bytes));
    yield decoder.decode(bytes, { stream: true });
  }
  if (decoder !== null) yield decoder.decode();
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}
