/** Whether Git tracks a file: read from the index itself, so that no other program has to run. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

const MOST_BYTES = 256 * 1024 * 1024;
/** Longer than any path that a system opens: names of version 4 could grow with each entry. */
const LONGEST = 16_384;

/** Null where the file is in no Git work tree, or its index cannot be read. */
export function isTracked(file: string): boolean | null {
  const path = resolve(file);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const index = indexOf(folder);
    if (index !== null) return pathsOf(index).has(relative(folder, path).split(sep).join('/'));
    if (folder === dirname(folder)) return null;
  }
}

/** `.git` is a folder, or in a linked work tree a file that names one. */
function indexOf(folder: string): Buffer | null {
  try {
    const git = join(folder, '.git');
    const place = statSync(git).isDirectory() ? git : linked(folder, readFileSync(git, 'utf8'));
    const index = join(place, 'index');
    return statSync(index).size > MOST_BYTES ? null : readFileSync(index);
  } catch {
    return null;
  }
}

function linked(folder: string, text: string): string {
  return resolve(folder, text.replace(/^gitdir: /, '').trim());
}

/**
 * The names in an index of version 2, 3 or 4 (gitformat-index). In version 4 a name is written as how many bytes to
 * drop from the one before and what to add to it; before, names are written whole and padded to 8 bytes.
 */
function pathsOf(index: Buffer): ReadonlySet<string> {
  const paths = new Set<string>();
  if (index.length < 12 || index.toString('latin1', 0, 4) !== 'DIRC') return paths;
  const version = index.readUInt32BE(4);
  let at = 12;
  let before = '';
  for (let left = index.readUInt32BE(8); left > 0 && at + 62 < index.length; left--) {
    const isExtended = version >= 3 && (index.readUInt16BE(at + 60) & 0x4000) !== 0;
    let start = at + (isExtended ? 64 : 62);
    let kept = '';
    if (version === 4) {
      const drop = readOffset(index, start);
      kept = before.slice(0, before.length - drop.value);
      start = drop.end;
    }
    const end = index.indexOf(0, start);
    if (end === -1) return paths;
    before = kept + index.toString('latin1', start, end);
    if (before.length > LONGEST) return paths;
    paths.add(Buffer.from(before, 'latin1').toString('utf8'));
    at = version === 4 ? end + 1 : at + Math.ceil((end + 1 - at) / 8) * 8;
  }
  return paths;
}

/** The variable-length number of pack files: each further byte adds one, so that no number has two forms. */
function readOffset(index: Buffer, start: number): { readonly value: number; readonly end: number } {
  let at = start;
  let byte = index[at++] ?? 0;
  let value = byte & 0x7f;
  while ((byte & 0x80) !== 0) {
    byte = index[at++] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return { value, end: at };
}
