/** Says of an encoded label of a name (RFC 5891) what people would read, without ever showing it. */
import type { ReadLabel } from './skeleton.js';

/** A plain sentence in ASCII; null for a label that is not encoded. */
export function encodedWarning({ label, text, read }: ReadLabel): string | null {
  if (!label.startsWith('xn--')) return null;
  if (text === null || !/[^\x20-\x7e]/.test(text)) return `"${label}" is encoded, but stands for no text.`;
  const codes = [...new Set(text)].filter((letter) => letter > '\x7f').map(codeOf);
  const shown = codes.length > MOST_CODES ? `${codes.slice(0, MOST_CODES).join(' ')} and others` : codes.join(' ');
  const like = /^[a-z0-9_-]+$/.test(read) ? `, and reads like "${read}"` : '';
  return `"${label}" is encoded: it ${madeOf(text)} (${shown})${like}.`;
}

const MOST_CODES = 6;
/** The ones that names are written in; any other one counts as one more. */
const SCRIPTS: ReadonlyMap<string, RegExp> = new Map(
  (
    'Latin Cyrillic Greek Armenian Georgian Hebrew Arabic Thai Devanagari Cherokee Coptic Han Hiragana Katakana Hangul ' +
    'Bopomofo'
  )
    .split(' ')
    .map((script) => [script, new RegExp(`\\p{Script=${script}}`, 'u')]),
);
/** Scripts that are used together (UTS 39 section 5.2, "highly restrictive"). */
const TOGETHER = ['Latin Han Hiragana Katakana', 'Latin Han Bopomofo', 'Latin Han Hangul'].map(
  (scripts) => new Set(scripts.split(' ')),
);

function madeOf(text: string): string {
  if (!/^[\p{L}\p{M}\p{N}-]+$/u.test(text)) return 'has signs that are no letters';
  const scripts = [...new Set([...text].flatMap(scriptOf))];
  const isUsual = scripts.length < 2 || TOGETHER.some((set) => scripts.every((script) => set.has(script)));
  if (scripts.length === 0) return 'has signs that are no letters';
  return isUsual ? `has letters of ${scripts.join(' and ')}` : `mixes letters of ${scripts.join(' and ')}`;
}

/** None for a digit, a hyphen or an accent, which belong to all. */
function scriptOf(letter: string): string[] {
  if (/[\p{Script=Common}\p{Script=Inherited}]/u.test(letter)) return [];
  const found = [...SCRIPTS].find(([, pattern]) => pattern.test(letter));
  return [found?.[0] ?? 'another script'];
}

function codeOf(letter: string): string {
  return `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
