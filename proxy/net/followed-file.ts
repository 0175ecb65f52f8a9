/** A small file of the system (resolv.conf, hosts) as a value that follows the file: networks change while the proxy runs. */
import { readFileSync, statSync } from 'node:fs';

export interface FollowedFile<T> {
  /** The value of the file as it is now. Looks at the file at most once in LOOK_EVERY_MS. */
  readonly current: () => T;
}

export interface FollowOptions {
  /** Milliseconds. */
  readonly now?: () => number;
}

const LOOK_EVERY_MS = 1000;

/**
 * `parse` is called with the text of the file and the value before (null at first), once for each change; an unreadable
 * file is an empty one.
 */
export function followFile<T>(
  path: string,
  parse: (text: string, before: T | null) => T,
  { now = Date.now }: FollowOptions = {},
): FollowedFile<T> {
  let value: T | null = null;
  let stamp: string | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    current() {
      // Below 0: somebody has set the clock back, and nobody knows since when.
      const age = now() - lookedAt;
      if (value !== null && age >= 0 && age < LOOK_EVERY_MS) return value;
      lookedAt = now();
      const seen = stampOf(path);
      if (value === null || seen !== stamp) value = parse(readText(path), value);
      stamp = seen;
      return value;
    },
  };
}

function stampOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? '' : `${stat.mtimeMs}:${stat.ctimeMs}:${stat.size}:${stat.ino}`;
  } catch {
    return '';
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
