/**
 * What people take a name for: letters of other scripts as those of ASCII that they look like, without accents (in the manner of
 * UTS 39 section 4). For warnings: no decision is made by it.
 */
import { decodePunycode } from './punycode.js';

export interface ReadLabel {
  /** As in DNS. */
  readonly label: string;
  /** What it stands for; null for an encoded label that stands for no text. */
  readonly text: string | null;
  /** What people read. Letters that look like none of ASCII stay as they are. */
  readonly read: string;
}

const PREFIX = 'xn--';
/** By letters of ASCII, the lower-case letters of other scripts that look like them; accents have gone before this is asked. */
const ALIKE = lettersOf({
  a: 'аαɑ',
  b: 'ьɓƅ',
  c: 'сϲⲥ',
  d: 'ԁɗɖđ',
  e: 'еҽəɛєε',
  f: 'ƒք',
  g: 'ɡցɠǥ',
  h: 'һհћħ',
  i: 'іɩιıɨ',
  j: 'јϳյ',
  k: 'кκƙқ',
  l: 'ӏłɭƚ',
  m: 'мɱ',
  n: 'пոռηɳŋ',
  o: 'оοօσøɵө०০੦૦௦๐໐',
  p: 'рρ',
  q: 'ԛգզ',
  r: 'гɾɼ',
  s: 'ѕꜱʂƽ',
  t: 'тτŧƭ',
  u: 'цսυʋ',
  v: 'ѵνʋ',
  w: 'ԝшաωɯ',
  x: 'хχҳ',
  y: 'уүγყʏƴ',
  z: 'ʐƶᴢ',
  ss: 'ß',
  ae: 'æӕ',
  oe: 'œ',
});

/** Of a name in lower case, as it is in DNS. */
export function readLabels(name: string): ReadLabel[] {
  return name.split('.').map((label) => {
    const text = label.startsWith(PREFIX) ? decodePunycode(label.slice(PREFIX.length)) : label;
    return { label, text, read: text === null ? label : readAs(text) };
  });
}

/** What looks alike in ASCII is one: "rn" and "m", "1" and "l". Not fit to be shown. */
export function skeletonOf(read: string): string {
  return read
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('cl', 'd')
    .replaceAll('0', 'o')
    .replace(/[1i]/g, 'l');
}

function readAs(text: string): string {
  const bare = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return [...bare].map((letter) => ALIKE.get(letter) ?? letter).join('');
}

function lettersOf(alike: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const pairs = Object.entries(alike).flatMap(([ascii, letters]) =>
    [...letters].map((letter): [string, string] => [letter, ascii]),
  );
  return new Map(pairs);
}
