/** Files that `${file:PATH}` names, as Compose and Kubernetes mount secrets: one value, perhaps with a line end. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** A token is 255 characters; a certificate chain is no secret that the configuration takes. */
const MOST_BYTES = 64 * 1024;

export type SecretFile = { readonly value: string } | { readonly failure: string };

/** Reads a file; a relative path starts at `folder`, that of the configuration. The last line end does not count. */
export function readSecretFile(path: string, folder: string): SecretFile {
  try {
    const bytes = readBounded(secretPath(path, folder));
    if (bytes === null) return { failure: 'no file' };
    if (bytes.length > MOST_BYTES) return { failure: `larger than ${MOST_BYTES / 1024} KiB` };
    return { value: new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '') };
  } catch (error) {
    return { failure: error instanceof Error && 'code' in error ? String(error.code) : 'unreadable' };
  }
}

/** No more than an octet over the limit, and nothing of what is no file: a pipe may never end, or never begin. */
function readBounded(path: string): Buffer | null {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!fstatSync(file).isFile()) return null;
    const buffer = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = readSync(file, buffer, length, buffer.length - length, null);
    return buffer.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

export function secretPath(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
