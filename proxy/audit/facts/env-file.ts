/** `.env` files as Compose reads them: names, values, and on which line each name is. */
import { statSync } from 'node:fs';
import { readIfThere } from './bounded-read.js';
import type { EnvFile, FileFacts } from './facts.js';
import { isTracked } from './git-index.js';
import { Variables } from './variables.js';

const MOST_BYTES = 1024 * 1024;

/** Null where there is no such file. */
export function readEnvFile(path: string): EnvFile | null {
  const text = readIfThere(path, MOST_BYTES);
  if (text === null) return null;
  const { pairs, lines } = parseEnv(text);
  return { ...fileFacts(path), variables: new Variables(pairs), lines };
}

export function fileFacts(path: string): FileFacts {
  const mode = process.platform === 'win32' ? null : statSync(path).mode & 0o777;
  return { path, mode, isTracked: isTracked(path) };
}

/**
 * Each `NAME=value`, `export NAME=value` too. In single quotes a value is as written, in double quotes with escapes, and
 * both may go over lines; without quotes it ends at ` #`. References such as `${OTHER}` are left as they are.
 */
export function parseEnv(text: string): { pairs: [string, string][]; lines: Map<string, number> } {
  const pairs: [string, string][] = [];
  const lines = new Map<string, number>();
  const pattern =
    /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*[=:][ \t]*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\[\s\S])*)"|([^\r\n]*))/gm;
  for (const match of text.matchAll(pattern)) {
    const [, name = '', single, double, bare = ''] = match;
    pairs.push([name, single ?? (double === undefined ? withoutComment(bare) : unescaped(double))]);
    lines.set(name, text.slice(0, match.index).split('\n').length);
  }
  return { pairs, lines };
}

function withoutComment(text: string): string {
  return text.replace(/(?:^|\s)#.*$/, '').trim();
}

function unescaped(text: string): string {
  const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.replace(/\\([\s\S])/g, (_, char: string) => named[char] ?? char);
}
