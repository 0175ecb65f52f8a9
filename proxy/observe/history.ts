/**
 * Reads through the log's files once, from the newest back, for counts over a day or a week. It reads in pieces, so that
 * requests are served in between, at most `MOST_BYTES` in all, and keeps no line.
 */
import { open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { numberedFiles } from './numbered-files.js';
import { parseRecordLine } from './parse-record.js';
import type { DecisionRecord } from './record.js';

const PIECE_BYTES = 128 * 1024;
const MOST_BYTES = 256 * 1024 * 1024;
/** Longer than any record. */
const MOST_LINE = 64 * 1024;

/**
 * Calls `onRecord` for each decision that is not older than `since` (milliseconds since 1970), in no particular order, and
 * resolves with true if the files go back that far. Never rejects: what cannot be read counts as absent.
 */
export async function readHistory(
  path: string,
  since: number,
  onRecord: (record: DecisionRecord) => void,
): Promise<boolean> {
  let left = MOST_BYTES;
  for (const file of await numberedFiles(path)) {
    const { bytes, oldest } = await readFileInPieces(file, left, (record) => {
      if (Date.parse(record.time) >= since) onRecord(record);
    });
    left -= bytes;
    if (oldest !== null && oldest < since) return true;
    if (left <= 0) return false;
  }
  return false;
}

/** `oldest`: the time of the first record of the file. */
async function readFileInPieces(path: string, most: number, onRecord: (record: DecisionRecord) => void) {
  const read = { bytes: 0, oldest: null as number | null };
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return read;
  try {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    while (read.bytes < most) {
      const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, read.bytes);
      if (bytesRead === 0) break;
      read.bytes += bytesRead;
      const lines = (rest + decoder.write(buffer.subarray(0, bytesRead))).split('\n');
      rest = (lines.pop() ?? '').slice(0, MOST_LINE);
      for (const line of lines) {
        const record = parseRecordLine(line);
        if (record === null) continue;
        read.oldest ??= Date.parse(record.time);
        onRecord(record);
      }
    }
  } catch {
    return read;
  } finally {
    await file.close().catch(() => {});
  }
  return read;
}
