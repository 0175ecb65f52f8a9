/** A file that is replaced as a whole: whenever the process ends, it is the old one or the new one. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes beside the file, and puts it in the file's place when all of it is on the disk. */
export function replaceFile(path: string, text: string, mode: number): void {
  const beside = `${path}.new`;
  writeWhole(beside, text, mode);
  renameSync(beside, path);
  syncFolder(path);
}

/**
 * On the disk when it returns. Throws where it cannot be written. What is there is removed: it may be a link, or a file of an
 * earlier attempt that others can read.
 */
export function writeWhole(path: string, text: string, mode: number): void {
  rmSync(path, { force: true });
  const file = openSync(path, 'wx', mode);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The rename of `path` itself. Not every system can sync a folder. */
export function syncFolder(path: string): void {
  try {
    const folder = openSync(dirname(path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {
    // A loss of power then costs the last change, never the file.
  }
}
