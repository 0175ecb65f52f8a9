/**
 * Warns of names that people may take for another one: one that the policy allows, or one in letters of ASCII. It is for whoever
 * decides; the policy itself goes by the name as it is in DNS.
 */
import { encodedWarning } from './encoded-label.js';
import { type ReadLabel, readLabels, skeletonOf } from './skeleton.js';
import { type HostPattern, parseHostPattern } from './target.js';

/** Made once for the rules in force: asking then takes no longer where there are many of them. */
export class LookAlikes {
  readonly #byName = new Map<string, Known>();
  readonly #bySkeleton = new Map<string, Known[]>();
  readonly #byLetters = new Map<string, Known[]>();
  #mostLabels = 0;

  readonly #inFile: ReadonlySet<string>;

  /** The hosts of the rules that allow; `inFile`: of the policy file, where somebody has weighed which names belong there. */
  constructor(inFile: readonly HostPattern[], granted: readonly HostPattern[] = []) {
    this.#inFile = new Set(inFile.map((host) => knownOf(host).owner.registered));
    for (const known of [...inFile, ...granted].map(knownOf)) {
      this.#byName.set(known.name, known);
      if (!this.#byName.has(known.owner.registered)) this.#byName.set(known.owner.registered, known);
      this.#mostLabels = Math.max(this.#mostLabels, known.name.split('.').length);
      put(this.#bySkeleton, squeezed(known.skeleton), known);
      for (const key of withoutOne(known.owner.label)) put(this.#byLetters, key, known);
    }
  }

  /**
   * Plain sentences in ASCII, on one line; null: nothing to say. `host`: a name, a pattern of names or an address, as text. What is no
   * name, such as one that is too long, is not looked at: that would take time and memory by the square of its length.
   */
  warning(host: string): string | null {
    const name = parseHostPattern(host)?.text.replace(/^\*\./, '');
    if (name === undefined) return null;
    const labels = readLabels(name);
    const parts = [this.#likeness(name, labels), ...labels.map(encodedWarning)].filter((text) => text !== null);
    return parts.length === 0 ? null : parts.join(' ');
  }

  #likeness(name: string, labels: readonly ReadLabel[]): string | null {
    const [skeleton, owner] = [skeletonText(labels), ownerOf(labels)];
    const alike = this.#bySkeleton
      .get(squeezed(skeleton))
      ?.find((known) => !known.matches(name) && (known.skeleton === skeleton || this.#isForeign(owner, known)));
    if (alike !== undefined) return looksLike(alike);
    return this.#within(name, owner) ?? this.#near(name, owner);
  }

  /** An allowed name, or its owner's, with somebody else's behind it. */
  #within(name: string, owner: Owner): string | null {
    const labels = name.split('.');
    for (let start = 0; start < labels.length - 2; start++)
      for (let end = start + 2; end < labels.length && end <= start + this.#mostLabels; end++) {
        const held = labels.slice(start, end).join('.');
        const known = this.#byName.get(held);
        if (known === undefined || !this.#isForeign(owner, known)) continue;
        const of = held === known.name ? held : `${held}, as does ${known.name}`;
        return `It holds the name ${of}, which is allowed, but belongs to ${owner.registered}.`;
      }
    return null;
  }

  /** Not if the file allows something of this owner, too. */
  #isForeign({ registered }: Owner, known: Known): boolean {
    return registered !== known.owner.registered && !this.#inFile.has(registered);
  }

  #near(name: string, owner: Owner): string | null {
    for (const key of withoutOne(owner.label))
      for (const known of this.#byLetters.get(key) ?? []) {
        if (known.matches(name) || !this.#isForeign(owner, known)) continue;
        const [label, ofKnown] = [owner.label, known.owner.label];
        const least = label === ofKnown ? LEAST_FOR_ENDING : LEAST_FOR_LETTER;
        if (label.length < least || !isOneEdit(ofKnown, label)) continue;
        if (firstLabel(known.owner) === firstLabel(owner))
          return `It differs from ${known.name}, which is allowed, in its ending, which may be somebody else's.`;
        return looksLike(known);
      }
    return null;
  }
}

/** What is registered, roughly: names that end in it belong together. */
interface Owner {
  readonly registered: string;
  /** The skeleton of what the owner has chosen. */
  readonly label: string;
}

interface Known {
  readonly name: string;
  readonly skeleton: string;
  readonly owner: Owner;
  matches(name: string): boolean;
}

/** Shorter ones are alike by chance. */
const LEAST_FOR_ENDING = 4;
const LEAST_FOR_LETTER = 5;
/** Of very many names that are alike themselves, some are enough. */
const MOST_PER_KEY = 16;
/** As in co.uk. */
const SECOND_LEVEL = /\.[^.]{1,3}\.[^.]{2}$/;

function knownOf({ text }: HostPattern): Known {
  const name = text.replace(/^\*\./, '');
  const labels = readLabels(name);
  return {
    name,
    skeleton: skeletonText(labels),
    owner: ownerOf(labels),
    matches: (other) => other === name || (text !== name && other.endsWith(`.${name}`)),
  };
}

function ownerOf(labels: readonly ReadLabel[]): Owner {
  const name = labels.map(({ label }) => label).join('.');
  const own = labels.slice(SECOND_LEVEL.test(name) ? -3 : -2);
  return { registered: own.map(({ label }) => label).join('.'), label: skeletonOf(own[0]?.read ?? '') };
}

function firstLabel({ registered }: Owner): string | undefined {
  return registered.split('.')[0];
}

function looksLike({ name }: Known): string {
  return `It looks like ${name}, which is allowed, but is another name.`;
}

function skeletonText(labels: readonly ReadLabel[]): string {
  return labels.map(({ read }) => skeletonOf(read)).join('.');
}

/** So that "git-hub.com" and "apigithub.com" are alike, too. */
function squeezed(skeleton: string): string {
  return skeleton.replace(/[.-]/g, '');
}

function put(map: Map<string, Known[]>, key: string, known: Known): void {
  const others = map.get(key);
  if (others === undefined) map.set(key, [known]);
  else if (others.length < MOST_PER_KEY) others.push(known);
}

/** The text, and what is left of it without any one of its characters: two that differ in one have one of these in common. */
function withoutOne(text: string): ReadonlySet<string> {
  return new Set([text, ...[...text].map((_, at) => text.slice(0, at) + text.slice(at + 1))]);
}

/** Equal, or one character more, fewer or other, or two of them changed about. */
function isOneEdit(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  let start = 0;
  while (start < short.length && short[start] === long[start]) start++;
  const [restOfShort, restOfLong] = [short.slice(start), long.slice(start)];
  if (restOfShort.length < restOfLong.length) return restOfShort === restOfLong.slice(1);
  const isSwapped = restOfShort[0] === restOfLong[1] && restOfShort[1] === restOfLong[0];
  return restOfShort.slice(1) === restOfLong.slice(1) || (isSwapped && restOfShort.slice(2) === restOfLong.slice(2));
}
