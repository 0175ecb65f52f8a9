/** A folder in which Unix sockets can be: their paths have at most 103 octets (Linux: 107), which a long TMPDIR takes up. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOM = 60;

export function socketFolder(prefix: string): string {
  return mkdtempSync(join(tmpdir().length <= ROOM ? tmpdir() : '/tmp', prefix));
}
