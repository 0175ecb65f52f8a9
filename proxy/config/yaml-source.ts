/** The configuration file as plain values, with the line of each. */
import { readFileSync } from 'node:fs';
import { type Document, isNode, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import type { ConfigError, Path } from './config-error.js';
import { decodeText } from './text-encoding.js';

/** More than any configuration needs; keeps a mistaken path from being read into memory. */
const MOST_BYTES = 1024 * 1024;
const DEEPEST = 32;

export interface Source {
  /** What the file holds, as far as it could be read; undefined if it could not be. */
  readonly root: unknown;
  readonly errors: readonly ConfigError[];
  /** Where the value at `path` begins, or the nearest thing around it. Lines count from 1. */
  placeOf(path: Path): { readonly offset: number; readonly line: number } | undefined;
  /** False for what a syntax error may have made of the file: what is missing, or does not end before the error. */
  isSound(path: Path): boolean;
}

export function readSource(path: string): Source {
  try {
    const text = readFileSync(path);
    if (text.length > MOST_BYTES) return unreadable(path, `a file of at most ${MOST_BYTES} bytes`);
    return parseSource(decodeText(text));
  } catch (error) {
    return unreadable(path, `a readable YAML file in UTF-8 or UTF-16 (${codeOf(error)}), such as config/policy.yaml`);
  }
}

/**
 * YAML 1.2, core schema. Duplicate keys, tags and aliases are errors: each is a way to make a file say something else
 * than it seems to, and an alias can also be circular or a bomb.
 */
export function parseSource(text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(shieldReferences(text), {
    lineCounter: lines,
    // Its warnings quote the file, and go to standard error by themselves.
    logLevel: 'error',
    merge: false,
    prettyErrors: false,
    schema: 'core',
    stringKeys: true,
    uniqueKeys: true,
    version: '1.2',
  });
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const problems = [...document.errors, ...document.warnings];
  const errors = problems.map((problem) => describe(problem, lineAt(problem.pos[0])));
  const broken = document.errors.filter((problem) => problem.code !== 'DUPLICATE_KEY');
  errors.push(...removeAliases(document, lineAt));
  return {
    root: unshield(document.toJS({ maxAliasCount: 0 })),
    errors,
    placeOf: (path) => {
      const offset = offsetOf(document, path);
      return offset === undefined ? undefined : { offset, line: lineAt(offset) };
    },
    isSound: (path) => broken.length === 0 || endOf(document, path) <= Math.min(...broken.map(({ pos }) => pos[0])),
  };
}

/**
 * Inside `{ }` and `[ ]` YAML gives the braces of `${NAME}` a meaning of their own. Each ASCII character of a reference
 * stands in the private use area while YAML reads the text: one for one, so that positions stay what they are.
 */
export function shieldReferences(text: string): string {
  if (/[\u{e000}-\u{e07f}]/u.test(text)) return text;
  return text.replace(/\$\{(?:[A-Za-z_]\w*(?::-[^}"'\\\r\n]*)?|file:[^}"'\r\n]+)\}/g, (reference) =>
    reference.replace(/[\x20-\x7e]/g, (char) => String.fromCharCode(0xe000 + char.charCodeAt(0))),
  );
}

/** The text as it was before `shieldReferences`. */
export function unshieldReferences(text: string): string {
  return text.replace(/[\u{e000}-\u{e07f}]/gu, (char) => String.fromCharCode(char.charCodeAt(0) - 0xe000));
}

/** Throws a RangeError for what is nested deeper than any configuration, before something else runs out of stack. */
function unshield(value: unknown, depth = 0): unknown {
  if (depth > DEEPEST) throw new RangeError(`nested deeper than ${DEEPEST} levels`);
  if (typeof value === 'string') return unshieldReferences(value);
  if (Array.isArray(value)) return value.map((item) => unshield(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [unshield(key), unshield(item, depth + 1)]));
}

function removeAliases(document: Document, lineAt: (offset: number) => number): ConfigError[] {
  const errors: ConfigError[] = [];
  visit(document, {
    Alias: (_, node) => {
      const line = lineAt(node.range?.[0] ?? 0);
      errors.push({ path: '', value: 'an alias (*)', expected: 'the value itself: aliases are not read', line });
      return visit.REMOVE;
    },
  });
  return errors;
}

/** The library's words, without the excerpts of the file that some of them quote: a token may be among them. */
function describe(problem: YAMLError, line: number): ConfigError {
  const [message = ''] = [QUOTING[problem.code] ?? problem.message.split(/: |;/, 1)].flat();
  if (problem.code === 'DUPLICATE_KEY')
    return { path: '', value: 'the same key twice', expected: 'each key once in a mapping', line };
  return { path: '', value: `a YAML error (${message})`, expected: 'valid YAML 1.2, such as "version: 1"', line };
}

/** For problems whose message quotes the file in its middle. */
const QUOTING: Readonly<Record<string, string>> = {
  BAD_COLLECTION_TYPE: 'A tag of another kind of collection',
  BAD_DIRECTIVE: 'A directive that is none',
  BAD_DQ_ESCAPE: 'Invalid escape sequence',
  TAG_RESOLVE_FAILED: 'Unresolved tag',
};

function offsetOf(document: Document, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}

function endOf(document: Document, path: Path): number {
  const node = document.getIn(path, true);
  return isNode(node) && node.range ? node.range[1] : Number.POSITIVE_INFINITY;
}

function unreadable(path: string, expected: string): Source {
  const error: ConfigError = { path: '', value: JSON.stringify(path), expected };
  return { root: undefined, errors: [error], placeOf: () => undefined, isSound: () => false };
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
