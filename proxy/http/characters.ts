/** The characters of field lines (RFC 9110 sections 5.5 and 5.6.2), looked up one by one: for lines this short, a pattern costs three times as much. */

export const TOKEN_CHARACTER = table(/[!#$%&'*+.^_`|~\w-]/);
export const CONTENT_CHARACTER = table(/[\t\x20-\x7e\x80-\xff]/);
/** Space and tab only. */
export const BLANK_CHARACTER = table(/[\t ]/);

/** One or more token characters, and nothing else. */
export function isToken(text: string): boolean {
  return text !== '' && consistsOf(text, TOKEN_CHARACTER);
}

/** Visible characters, spaces, tabs and octets beyond ASCII: nothing that ends a line or controls a terminal. */
export function isFieldContent(text: string): boolean {
  return consistsOf(text, CONTENT_CHARACTER);
}

/** Space and tab only: `trim` would remove characters that belong to a value. */
export function withoutOuterBlanks(text: string, from = 0, to = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function consistsOf(text: string, allowed: readonly boolean[]): boolean {
  for (let i = 0; i < text.length; i++) if (allowed[text.charCodeAt(i)] !== true) return false;
  return true;
}

/** By character code; codes beyond the table are not allowed. */
function table(pattern: RegExp): readonly boolean[] {
  return Array.from({ length: 256 }, (_, code) => pattern.test(String.fromCharCode(code)));
}
