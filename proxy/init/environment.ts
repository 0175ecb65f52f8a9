/** What Compose would read of `.env`. */
import { parseEnv } from '../audit/facts/env-file.js';
import { InitError } from './init-error.js';
import type { Environment } from './variables.js';

/** `text`: bytes as latin1, in UTF-8 with or without a byte order mark; null where there is no file. */
export function environmentOf(text: string | null): Environment {
  if (text?.includes('\0')) throw new InitError('.env is UTF-16, which Compose cannot read: save it as UTF-8');
  const decoded = Buffer.from(text ?? '', 'latin1')
    .toString()
    .replace(/^\uFEFF/, '');
  return new Map(parseEnv(decoded).pairs);
}
