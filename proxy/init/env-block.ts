/**
 * The lines that init adds to a `.env` file: one block between two marks, whose removal restores every byte. Texts are
 * bytes as latin1, so that a file stays as it is, whatever its encoding.
 */

const BEGIN = '# >>> egress-proxy init: "egress-proxy init --remove" removes these lines';
const END = '# <<< egress-proxy init';
/** What was before the block, where its removal could not tell otherwise. */
const NO_FILE = ' (there was no file)';
const NO_LINE_END = ' (the line before had no end)';

/** The note, the line end of the block, and the lines between the marks. */
const BLOCK = /# >>> egress-proxy init:[^\r\n(]*(\([^)]*\))?(\r?\n)([\s\S]*?)# <<< egress-proxy init(?:\2)?/;

/** The file with the block at its end, where its lines override earlier ones of the same name. `before` has no block yet. */
export function withBlock(before: string | null, lines: readonly string[]): string {
  const text = before ?? '';
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const isCut = text !== '' && !text.endsWith('\n');
  const note = before === null ? NO_FILE : isCut ? NO_LINE_END : '';
  return `${text}${isCut ? lineEnd : ''}${[`${BEGIN}${note}`, ...lines, END, ''].join(lineEnd)}`;
}

/** The file as it was before the block; null where the block made it. Without a block, the text itself. */
export function withoutBlock(text: string | null): string | null {
  const match = text === null ? null : BLOCK.exec(text);
  if (text === null || match === null) return text;
  const [all, note = '', lineEnd = ''] = match;
  const after = text.slice(match.index + all.length);
  // The line end that was added stays if somebody has added lines after the block.
  const isCut = note === NO_LINE_END.trim() && after === '';
  const rest = text.slice(0, match.index - (isCut ? lineEnd.length : 0)) + after;
  return rest === '' && note === NO_FILE.trim() ? null : rest;
}

/** The lines between the marks; null where there is no block. */
export function blockOf(text: string | null): readonly string[] | null {
  const inner = text === null ? undefined : BLOCK.exec(text)?.[3];
  return inner === undefined ? null : inner.split(/\r?\n/).filter((line) => line !== '');
}

/** One line, quoted where Compose would read something else. */
export function envLine(name: string, value: string): string {
  return `${name}=${/^[\w./:;@,-]*$/.test(value) ? value : `'${value}'`}`;
}
