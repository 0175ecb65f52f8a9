/** Reads what the spawn guard adds to its file of records, for the proxy's log, page and metrics. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parseSpawnLine } from './parse-spawn.js';
import type { SpawnRecord } from './record.js';
import { SPAWN_FILE } from './spawn-record.js';

export interface SpawnTail {
  close(): void;
}

export interface SpawnTailOptions {
  /** The folder of the lease file. */
  readonly folder: string;
  readonly intervalMs: number;
  /** `isEarlier`: the record existed before reading began. */
  readonly onRecord: (record: SpawnRecord, isEarlier: boolean) => void;
}

/** The most that is read at one look, so that a flood of the guard costs the proxy no more. */
const MOST_OCTETS = 128 * 1024;

/** Looks for records every `intervalMs`. The timer keeps no process alive. Never throws. */
export function tailSpawns({ folder, intervalMs, onRecord }: SpawnTailOptions): SpawnTail {
  const path = join(folder, SPAWN_FILE);
  let inode = 0;
  let offset = 0;
  let isEarlier = true;
  const look = (): void => {
    const part = readPart(path, inode, offset);
    if (part !== null) {
      inode = part.inode;
      offset = part.end;
      for (const line of part.lines) {
        const record = parseSpawnLine(line);
        if (record !== null) onRecord(record, isEarlier);
      }
    }
    isEarlier = false;
  };
  look();
  const timer = setInterval(look, intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

interface Part {
  readonly inode: number;
  /** The offset behind the last complete line. */
  readonly end: number;
  readonly lines: readonly string[];
}

/** Complete lines of the file with `inode` from `offset` on; the last ones if it is another file, or if there is too much. */
function readPart(path: string, inode: number, offset: number): Part | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    const { ino, size } = fstatSync(file);
    const from = Math.max(ino === inode && offset <= size ? offset : 0, size - MOST_OCTETS);
    const bytes = Buffer.alloc(Math.max(0, size - from));
    const text = bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, from));
    const whole = text.lastIndexOf('\n') + 1;
    return { inode: ino, end: from + Buffer.byteLength(text.slice(0, whole)), lines: text.slice(0, whole).split('\n') };
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}
