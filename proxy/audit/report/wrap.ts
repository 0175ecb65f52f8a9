/** Lines of a bounded width. */

/** Words of `text`, each line after `indent`. A word that is wider than a line is cut into lines. */
export function wrap(text: string, width: number, indent: string): readonly string[] {
  return fold(text, width - indent.length).map((line) => `${indent}${line}`);
}

/**
 * A command line: `prefix` comes before its first line, and its other lines are indented as far. `mark` at the end of
 * a line says to the shell that the next one belongs to it; empty: none.
 */
export function wrapCommand(text: string, width: number, prefix: string, mark: string): readonly string[] {
  const room = width - prefix.length;
  if (text.length <= room) return [`${prefix}${text}`];
  // Spaces inside quotes must not become line ends.
  const pieces = text.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+|\s+/g) ?? [text];
  const lines: string[] = [];
  let line = '';
  for (const piece of pieces) {
    if (line !== '' && line.length + piece.length > room - mark.length - 1) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += line === '' ? piece.trimStart() : piece;
  }
  const whole = [...lines, line].flatMap((one) => hard(one, room - mark.length - 1));
  const blank = ' '.repeat(prefix.length);
  return whole.map((one, i) => {
    const end = i < whole.length - 1 && mark !== '' ? ` ${mark}` : '';
    return `${i === 0 ? prefix : blank}${one}${end}`;
  });
}

function fold(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((one) => hard(one, width))) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function hard(text: string, width: number): readonly string[] {
  const pieces: string[] = [];
  for (let at = 0; at < Math.max(1, text.length); at += width) pieces.push(text.slice(at, at + width));
  return pieces;
}
