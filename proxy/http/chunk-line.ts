/**
 * The lines between the content of chunks, read from the raw bytes: with one octet of content per chunk
 * they are nearly all that is read, and a string and a regular expression for each would let one sender keep the process busy.
 */

const CR = 0x0d;
const LF = 0x0a;
/** As many as are exact in a double. */
const MOST_DIGITS = 13;

/** Octets of the size line at `at`, its end included; 0 if it is incomplete, has an extension, or is not a size line. */
export function plainSizeLine(bytes: Buffer, at: number): number {
  let end = at;
  while (end - at < MOST_DIGITS && hexDigit(bytes[end]) !== -1) end += 1;
  return end > at && isLineEnd(bytes, end) ? end + 2 - at : 0;
}

/** The size on a line for which `plainSizeLine` returned `length`. */
export function sizeOn(bytes: Buffer, at: number, length: number): number {
  let size = 0;
  for (let i = at; i < at + length - 2; i++) size = size * 16 + hexDigit(bytes[i]);
  return size;
}

export function isLineEnd(bytes: Buffer, at: number): boolean {
  return bytes[at] === CR && bytes[at + 1] === LF;
}

function hexDigit(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
