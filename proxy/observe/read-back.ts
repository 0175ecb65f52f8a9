/** Reads the last records of the log file, so that a restart does not lose what was refused before it. */
import { open } from 'node:fs/promises';
import { keptFile, type LogFile } from './file-sink.js';
import { decisionJson } from './json-line.js';
import { numberedFiles } from './numbered-files.js';
import { parseRecordLine } from './parse-record.js';
import type { DecisionRecord } from './record.js';
import type { Ring } from './ring.js';

/** The most that is read of one file, from its end, so that reading takes bounded memory. */
const MOST_BYTES = 16 << 20;

/** Fills the ring with at most `most` decisions of earlier runs, and with those that were kept apart. Never rejects. */
export async function restoreRing(ring: Pick<Ring, 'restore' | 'kept'>, file: LogFile, most: number): Promise<void> {
  const recent = await readBack(file.path, most);
  const apart = new Map((await readBack(keptFile(file).path, most)).map((record) => [record.id, record]));
  const ids = new Set(recent.map(({ id }) => id));
  // Records that only the file of kept ones still has are older than all the others.
  for (const [id, record] of apart) if (!ids.has(id)) ring.kept(record, decisionJson(record));
  for (const record of recent) {
    const json = decisionJson(record);
    ring.restore(record, json);
    if (apart.has(record.id)) ring.kept(record, json);
  }
}

/** At most `most` decisions, oldest first. Never rejects: what cannot be read counts as absent. */
export async function readBack(path: string, most: number): Promise<DecisionRecord[]> {
  const records: DecisionRecord[] = [];
  for (const file of await numberedFiles(path)) {
    const lines = (await tailOf(file)).split('\n');
    for (let i = lines.length - 1; i >= 0 && records.length < most; i--) {
      const record = parseRecordLine(lines[i] ?? '');
      if (record !== null) records.push(record);
    }
    if (records.length >= most) break;
  }
  return records.reverse();
}

async function tailOf(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const length = Math.min(size, MOST_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
