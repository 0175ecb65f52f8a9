/** Files that `${file:PATH}` names, as Compose and Kubernetes mount secrets: one value, perhaps with a line end. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** A token is 255 characters; a certificate chain is no secret that the configuration takes. */
const MOST_BYTES = 64 * 1024;

export type SecretFile = { readonly value: string } | { readonly failure: string };

/** Reads a file; a relative path starts at `folder`, that of the configuration. The last line end does not count. */
export function readSecretFile(path: string, folder: string): SecretFile {
  try {
    const bytes = readFileSync(secretPath(path, folder));
    if (bytes.length > MOST_BYTES) return { failure: `larger than ${MOST_BYTES / 1024} KiB` };
    return { value: new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '') };
  } catch (error) {
    return { failure: error instanceof Error && 'code' in error ? String(error.code) : 'unreadable' };
  }
}

export function secretPath(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
