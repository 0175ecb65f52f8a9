/** A folder on disk: reads and writes files by their path from there. Texts are bytes as latin1. */
import {
  accessSync,
  chownSync,
  constants,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Change } from './diff.js';
import { InitError } from './init-error.js';
import type { Read } from './stack-files.js';

/** Throws an InitError if this is not a folder, or if this process may not do what it is about to do there. */
export function reachable(folder: string, access: 'read' | 'write'): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true)
    throw new InitError(`${folder} is not a folder: mount the stack's folder there, or name another`);
  try {
    accessSync(folder, constants.R_OK | constants.X_OK | (access === 'write' ? constants.W_OK : 0));
  } catch {
    throw new InitError(forbidden(folder, access));
  }
}

export function reader(folder: string): Read {
  return (path) => {
    try {
      return readFileSync(join(folder, path), 'latin1');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
      throw code === 'EACCES' ? new InitError(forbidden(join(folder, path), 'read')) : error;
    }
  };
}

/** Makes all of the changes or none: if one fails, those already made are undone. */
export function apply(folder: string, changes: readonly Change[]): void {
  const done: Change[] = [];
  try {
    for (const change of changes) {
      done.push(change);
      put(folder, change.path, change.after);
    }
    for (const { path, before, after } of changes) if (before === null && after !== null) handOver(folder, path);
  } catch (error) {
    undo(folder, done);
    throw isForbidden(error) ? new InitError(forbidden(folder, 'write')) : error;
  }
}

/** As root (`--user 0` in a container), gives what was made to the owner of the folder, who could not change it otherwise. */
function handOver(folder: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(folder);
  for (let made = path; made !== '.'; made = dirname(made)) chownSync(join(folder, made), uid, gid);
}

/** The last of them was not done, or half done. */
function undo(folder: string, done: readonly Change[]): void {
  for (const { path, before } of [...done].reverse()) {
    try {
      put(folder, path, before);
    } catch {
      // What could not be written cannot be undone either.
    }
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['EACCES', 'EPERM', 'EROFS'].includes(String(error.code));
}

function put(folder: string, path: string, text: string | null): void {
  const target = join(folder, path);
  if (text !== null) {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text, 'latin1');
    return;
  }
  rmSync(target, { force: true });
  for (let above = dirname(path); above !== '.'; above = dirname(above)) {
    try {
      rmdirSync(join(folder, above));
    } catch {
      // The folder holds something else.
      return;
    }
  }
}

/** The message names the user, since in a container that is not the one outside. */
function forbidden(path: string, access: 'read' | 'write'): string {
  const { uid, gid } = statSync(path);
  const who = process.getuid?.() ?? 'this user';
  return `user ${who} may not ${access} ${path}, which belongs to ${uid}:${gid}: run it with --user ${uid}:${gid}`;
}
