/** Files and standard input as text, up to a bound: what is larger than any real stack is refused before it is parsed. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { AuditError } from './audit-error.js';

/** `docker inspect` prints about 12 KB for each container. */
export const MOST_BYTES = 16 * 1024 * 1024;

/** Throws an AuditError for what cannot be read or is too large. */
export function readBounded(path: string, mostBytes: number = MOST_BYTES): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new AuditError(`${JSON.stringify(path)} cannot be read (${codeOf(error)})`);
  }
  try {
    return decode(readAll(file, path, mostBytes));
  } finally {
    closeSync(file);
  }
}

/** Null where there is no such file; throws for any other failure. */
export function readIfThere(path: string, mostBytes: number = MOST_BYTES): string | null {
  try {
    closeSync(openSync(path, 'r'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
  }
  return readBounded(path, mostBytes);
}

export async function readStream(stream: Readable, mostBytes: number = MOST_BYTES): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > mostBytes) throw tooLarge('standard input', mostBytes);
  }
  return decode(Buffer.concat(chunks));
}

function readAll(file: number, path: string, mostBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.alloc(256 * 1024);
    const read = readChunk(file, chunk, path);
    if (read === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, read));
    size += read;
    if (size > mostBytes) throw tooLarge(JSON.stringify(path), mostBytes);
  }
}

function readChunk(file: number, chunk: Buffer, path: string): number {
  try {
    return readSync(file, chunk);
  } catch (error) {
    throw new AuditError(`${JSON.stringify(path)} cannot be read (${codeOf(error)})`);
  }
}

/** Windows PowerShell 5.1 writes redirected output as UTF-16. */
function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le');
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

function tooLarge(name: string, mostBytes: number): AuditError {
  return new AuditError(`${name} is larger than ${mostBytes / 1024 / 1024} MiB: pass only the containers of one stack`);
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
