/** The guard's records for the proxy, which shows them beside its own: a file of bounded size, replaced when it is full. */
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SPAWN_FILE } from '../observe/spawn-record.js';

const MOST_OCTETS = 1024 * 1024;

/** `folder` null: nothing is written. Takes one line without its line end; on a full disk lines are lost. */
export function createSpawnFile(folder: string | null): (line: string) => void {
  if (folder === null) return () => {};
  mkdirSync(folder, { recursive: true });
  const path = join(folder, SPAWN_FILE);
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return (line) => {
    try {
      if (size > MOST_OCTETS) {
        renameSync(path, `${path}.1`);
        size = 0;
      }
      appendFileSync(path, `${line}\n`, { mode: 0o644 });
      size += Buffer.byteLength(line) + 1;
    } catch {
      return;
    }
  };
}
