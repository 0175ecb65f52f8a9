/** Names come from files and containers of others: what a terminal or a log would obey is shown by its code point. */

/** Control characters, line ends, direction marks and other invisible ones, and halves of surrogate pairs. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** On one line, cut at `most` characters. */
export function printable(text: string, most = 200): string {
  const shown = text.replace(OBEYED, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  return shown.length > most ? `${shown.slice(0, most - 1)}…` : shown;
}

/** Line by line. */
export function printableText(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line, 4000))
    .join('\n');
}
