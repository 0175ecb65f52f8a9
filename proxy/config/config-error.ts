/** What is wrong with a configuration: where, what is there, and what should be. */

export interface ConfigError {
  /** As people write it: `policy.allow[0].ports[1]`; empty for the file as a whole. */
  readonly path: string;
  /** What is there, printable on one line; `(not shown)` where it may be a secret, `nothing` where it is absent. */
  readonly value: string;
  /** The right form, with an example. */
  readonly expected: string;
  /** From 1. */
  readonly line?: number;
}

/** A configuration that can be used, but probably does not do what was intended. */
export interface ConfigWarning {
  readonly path: string;
  readonly message: string;
  /** From 1. */
  readonly line?: number;
}

export type Path = readonly (string | number)[];

/** A problem that is not yet a sentence: `value` is what stood at `path`. */
export interface Issue {
  readonly path: Path;
  readonly value: unknown;
  readonly expected: string;
  /** What to show in place of `value`, where that holds nothing that could be a secret. */
  readonly shown?: string;
  /** What to show in place of `path`, where that holds what could be a secret. */
  readonly shownPath?: Path;
}

/** One line each, in the order given. */
export function formatConfigErrors(errors: readonly ConfigError[]): string {
  return errors.map(formatLine).join('\n');
}

export function pathText(path: Path): string {
  return path.map(step).join('').replace(/^\./, '');
}

/** `value` on one line, cut at 80 characters; lists and mappings by their kind only, since a token may be inside. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  const text = printable(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** The candidate at the smallest edit distance, if it is near enough to be what was meant. */
export function nearest(text: string, candidates: readonly string[]): string | null {
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: distance(text.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(2, text.length / 3) ? best.candidate : null;
}

function formatLine(error: ConfigError): string {
  const place = error.line === undefined ? '' : `line ${error.line}: `;
  return `${place}${error.path === '' ? 'the file' : error.path}: got ${error.value}, expected ${error.expected}`;
}

function step(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[A-Za-z_][\w-]{0,40}$/.test(key) ? `.${key}` : `[${valueText(key)}]`;
}

/** JSON leaves line separators, direction marks and C1 controls as they are, which could forge or hide a line. */
function printable(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.replace(/[\x7f-\x9f\p{Cf}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** Levenshtein, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
