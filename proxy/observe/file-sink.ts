/**
 * The log file, which pino-roll rotates by size. Its files are `name.N.ext` with rising N; `path` itself is a link to the
 * current one, for `tail -F` and for people.
 */
import { lstatSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { BUFFERING, FLUSH_INTERVAL_MS, type LineSink, streamSink } from './line-sink.js';

export interface LogFile {
  readonly path: string;
  readonly maxSizeBytes: number;
  /** How many rotated files are kept beside the current one. */
  readonly keep: number;
}

/** One part in so many of the configured size is for records that are kept apart: at least a few hundred of them. */
const KEPT_PART = 8;
const KEPT_LEAST_BYTES = 256 * 1024;

/** The file beside `file` for the records that are kept apart: `name.kept.ext`, with one rotated file. */
export function keptFile({ path, maxSizeBytes }: LogFile): LogFile {
  const extension = extname(path);
  const stem = basename(path, extension);
  return {
    path: join(dirname(path), `${stem}.kept${extension || '.log'}`),
    maxSizeBytes: Math.max(KEPT_LEAST_BYTES, Math.ceil(maxSizeBytes / KEPT_PART)),
    keep: 1,
  };
}

/** Rejects if the file cannot be opened. After later errors, such as a full disk, lines are lost; `onProblem` is called. */
export async function openFileSink(file: LogFile, onProblem: (error: Error) => void): Promise<LineSink> {
  // Loaded only here: pino-roll brings 300 modules of date-fns, which a proxy without a log file does not need.
  const { default: roll } = await import('pino-roll');
  const stream = await roll({
    file: file.path,
    size: `${file.maxSizeBytes}b`,
    limit: { count: file.keep + 1, removeOtherLogFiles: true },
    mkdir: true,
    mode: 0o640,
    ...BUFFERING,
    // If the file could not be opened, pino-roll's own timer would go on, write to no file, and end the process.
    periodicFlush: 0,
  });
  // Waits for the outcome with listeners attached, because an error without one ends the process.
  await new Promise<void>((resolve, reject) => {
    stream.once('ready', resolve);
    stream.once('error', reject);
  });
  const point = () => pointTo(file.path, stream.file);
  stream.on('ready', point);
  stream.on('error', onProblem);
  point();
  const flush = setInterval(() => stream.destroyed || stream.flush(), FLUSH_INTERVAL_MS);
  flush.unref();
  stream.on('close', () => clearInterval(flush));
  return streamSink(stream);
}

/** Leaves alone what is no link, and ignores a file system without links: the numbered files exist anyway. */
function pointTo(path: string, file: string): void {
  const target = basename(file);
  try {
    if (exists(path) && (!lstatSync(path).isSymbolicLink() || readlinkSync(path) === target)) return;
    const next = join(dirname(path), `.${basename(path)}.next`);
    symlinkSync(target, next);
    renameSync(next, path);
  } catch {
    return;
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
