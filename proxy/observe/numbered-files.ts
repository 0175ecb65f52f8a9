/** The files that the log's sink has written: `name.N.ext` with rising N. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/** Those of `path`, the newest first. */
export async function numberedFiles(path: string): Promise<string[]> {
  const extension = extname(path) || '.log';
  const stem = `${basename(path, extname(path))}.`;
  const names = await readdir(dirname(path)).catch(() => []);
  const numbered = names.flatMap((name) => {
    const middle = name.startsWith(stem) && name.endsWith(extension) ? name.slice(stem.length, -extension.length) : '';
    return /^\d+$/.test(middle) ? [{ file: join(dirname(path), name), number: Number(middle) }] : [];
  });
  return numbered.sort((a, b) => b.number - a.number).map(({ file }) => file);
}
