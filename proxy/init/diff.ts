/** What would change, line by line, for people. */

export interface Change {
  readonly path: string;
  /** Null: there is no such file. As latin1, byte for byte. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Changed lines only, without those around them, since other lines of `.env` may hold secrets. */
export function diffOf({ path, before, after }: Change): string {
  const [from, to] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < Math.min(from.length, to.length) && from[start] === to[start]) start += 1;
  let end = 0;
  while (end < Math.min(from.length, to.length) - start && from.at(-1 - end) === to.at(-1 - end)) end += 1;
  const [gone, come] = [from.slice(start, from.length - end), to.slice(start, to.length - end)];
  const lines = [
    `--- ${before === null ? '(no file)' : path}`,
    `+++ ${after === null ? '(no file)' : path}`,
    `@@ -${start + 1},${gone.length} +${start + 1},${come.length} @@`,
    ...gone.map((line) => `-${line}`),
    ...come.map((line) => `+${line}`),
  ];
  return `${lines.map((line) => Buffer.from(line, 'latin1').toString().replace(/\r$/, '')).join('\n')}\n`;
}

function linesOf(text: string | null): string[] {
  return text === null || text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
