/** Which compose files of a folder Compose would read, in its order, and what is in them. */
import { posix } from 'node:path';
import { isNode, parseDocument } from 'yaml';
import { InitError } from './init-error.js';
import type { Environment } from './variables.js';

/** The text of a file of the folder, by its path from there with slashes; null if there is none. */
export type Read = (path: string) => string | null;

export interface ComposeFile {
  readonly path: string;
  readonly root: unknown;
  readonly text: string;
  /** `!override` or `!reset`, if what is at this place has one of these tags. */
  tagAt(path: readonly string[]): string | null;
}

export interface StackFiles {
  /** As COMPOSE_FILE names them, or would. */
  readonly named: readonly string[];
  readonly separator: string;
  /** The files and those that they include, each before the file that includes it. */
  readonly all: readonly ComposeFile[];
}

const BASES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const OVERRIDES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];
const MOST_INCLUDES = 50;

/** Throws an InitError if there is no stack, or if it cannot be read. */
export function stackFiles(read: Read, env: Environment): StackFiles {
  const list = env.get('COMPOSE_FILE') ?? '';
  const separator = env.get('COMPOSE_PATH_SEPARATOR') || separatorOf(list);
  const named = list === '' ? usualFiles(read) : list.split(separator).filter((path) => path !== '');
  return { named, separator, all: named.flatMap((path) => [...withIncludes(path, read, [])]) };
}

/** Windows separates by semicolons, since its paths have colons. */
function separatorOf(list: string): string {
  return list.includes(';') || /^[A-Za-z]:[\\/]/.test(list) ? ';' : ':';
}

function usualFiles(read: Read): string[] {
  const base = BASES.find((path) => read(path) !== null);
  if (base === undefined) throw new InitError(`there is no compose file: looked for ${BASES.join(', ')}`);
  const override = OVERRIDES.find((path) => read(path) !== null);
  return override === undefined ? [base] : [base, override];
}

function* withIncludes(named: string, read: Read, above: readonly string[]): Generator<ComposeFile> {
  const path = placeOf(named, read);
  if (path === null) throw new InitError(`${named}, which is part of the stack, cannot be found in its folder`);
  if (above.includes(path) || above.length > MOST_INCLUDES) throw new InitError(`${path} includes itself`);
  const file = parseFile(path, read(path) ?? '');
  for (const inner of includesOf(file.root)) {
    const from = posix.join(posix.dirname(path), inner);
    if (!inner.includes('$') && !inner.includes('://')) yield* withIncludes(from, read, [...above, path]);
  }
  yield file;
}

/** In a container the folder has another path than outside, so only the end of an absolute path is looked for. */
function placeOf(named: string, read: Read): string | null {
  const path = posix.normalize(named.replaceAll('\\', '/'));
  const parts = path.split('/');
  const isAbsolute = path.startsWith('/') || /^[A-Za-z]:\//.test(path);
  const places = isAbsolute ? parts.map((_, index) => parts.slice(index).join('/')) : [path];
  return places.find((place) => place !== '' && read(place) !== null) ?? null;
}

const TAGS = ['!reset', '!override'].flatMap((tag) => [
  { tag, collection: 'map' as const },
  { tag, collection: 'seq' as const },
  { tag, resolve: (value: string) => value },
]);

function parseFile(path: string, text: string): ComposeFile {
  const document = parseDocument(text, { merge: true, logLevel: 'silent', customTags: TAGS });
  const [error] = document.errors;
  if (error !== undefined) throw new InitError(`${path}: ${error.message.split('\n')[0] ?? ''}`);
  const tagAt = (at: readonly string[]): string | null => {
    const node: unknown = document.getIn(at, true);
    return isNode(node) && (node.tag === '!reset' || node.tag === '!override') ? node.tag : null;
  };
  return { path, text, root: document.toJS(), tagAt };
}

function includesOf(root: unknown): string[] {
  const entries = typeof root === 'object' && root !== null && 'include' in root ? root.include : [];
  return (Array.isArray(entries) ? entries : []).flatMap((entry: unknown) => {
    if (typeof entry === 'string') return [entry];
    const path = typeof entry === 'object' && entry !== null && 'path' in entry ? entry.path : [];
    return (Array.isArray(path) ? path : [path]).filter((one): one is string => typeof one === 'string');
  });
}
