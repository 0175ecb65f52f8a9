/** Where grants and the token are kept, and the token that guards writing if the configuration has none. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { replaceFile, writeWhole } from '../config/replace-file.js';

/** `folder` null: nothing is kept. `error`: why the intended folder cannot be used. */
export interface StateFolder {
  readonly folder: string | null;
  readonly error: string | null;
}

const BESIDE_POLICY = '.egress-state';
const TOKEN = 'admin-token';

/** `configured`: `state.path`; null: nowhere; undefined: beside the policy file. */
export function stateFolder(configured: string | null | undefined, policyPath: string): string | null {
  if (configured === null) return null;
  const folder = dirname(resolve(policyPath));
  if (configured === undefined) return join(folder, BESIDE_POLICY);
  return isAbsolute(configured) ? configured : join(folder, configured);
}

/**
 * Creates the folder if it is missing, and tries to write to it. A disk that is full may have room later: the folder is used all the
 * same, and what cannot be written is not granted. Never throws.
 */
export function openStateFolder(folder: string | null): StateFolder {
  if (folder === null) return { folder: null, error: null };
  try {
    // Not its parents: Node would retry forever where the system cannot create them (/proc).
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    const trial = join(folder, '.trial');
    // As the files that follow: through a link of this name, the file that it leads to would be emptied.
    writeWhole(trial, '', 0o600);
    rmSync(trial);
    return { folder, error: null };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unwritable';
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    return { folder: isFull ? folder : null, error: `${folder} cannot be written to (${code})` };
  }
}

/** The token of earlier starts, or a new one; without a folder, one for this process alone. Throws if it cannot be kept. */
export function keptToken(folder: string | null): string {
  const known = folder === null ? null : readToken(folder);
  if (known !== null) return known;
  const token = randomBytes(32).toString('base64url');
  if (folder === null) return token;
  const path = join(folder, TOKEN);
  rmSync(path, { force: true });
  replaceFile(path, `${token}\n`, 0o600);
  chmodSync(path, 0o600);
  return token;
}

/** Null if there is none, or if anyone but its owner could have read or written it. */
export function readToken(folder: string): string | null {
  try {
    const path = join(folder, TOKEN);
    const { mode } = lstatSync(path);
    const isOurs = process.platform === 'win32' || (mode & 0o077) === 0;
    const token = readFileSync(path, 'utf8').trim();
    return isOurs && /^[\w-]{43}$/.test(token) ? token : null;
  } catch {
    return null;
  }
}
