/**
 * Puts one rule into the text of a policy file, and takes it out again. The text is not rewritten: what stands in it,
 * comments and spelling, stays as it is.
 */
import { isMap, isNode, isScalar, isSeq, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { shieldReferences } from './yaml-source.js';

/** `section`: a list of `policy`. `item`: a mapping on one line, such as `{ host: "a.example" }`. */
export interface RuleLine {
  readonly section: 'allow' | 'deny' | 'internal';
  readonly item: string;
}

/** Null where the file has a form that this does not know. The caller reads the result before it uses it. */
export function withRuleLine(text: string, line: RuleLine): string | null {
  const at = insertion(text, line);
  if (at === null) return null;
  const end = /\r\n/.test(text) ? '\r\n' : '\n';
  return `${text.slice(0, at.offset)}${at.text.replaceAll('\n', end)}${text.slice(at.offset)}`;
}

/** Null where the rule is not there in the spelling in which `withRuleLine` puts it. */
export function withoutRuleLine(text: string, { section, item }: RuleLine): string | null {
  const policy = valueAt(rootOf(text), 'policy');
  const list = policy === null ? null : valueAt(policy, section);
  if (!isSeq(list)) return null;
  const found = list.items.find(
    (node) => isNode(node) && node.range && text.slice(node.range[0], node.range[1]) === item,
  );
  if (!isNode(found) || !found.range) return null;
  const [from, to] = found.range;
  if (list.flow === true) {
    const after = /^\s*,[ \t]*/.exec(text.slice(to))?.[0].length ?? 0;
    const before = after === 0 ? (/,\s*$/.exec(text.slice(0, from))?.[0].length ?? 0) : 0;
    return text.slice(0, from - before) + text.slice(to + after);
  }
  const start = text.lastIndexOf('\n', from) + 1;
  const next = text.indexOf('\n', to);
  const isAlone =
    /^[ \t]*-[ \t]+$/.test(text.slice(start, from)) &&
    /^[ \t\r]*$/.test(text.slice(to, next === -1 ? undefined : next));
  return isAlone ? text.slice(0, start) + text.slice(next === -1 ? text.length : next + 1) : null;
}

interface Insertion {
  readonly offset: number;
  readonly text: string;
}

function insertion(text: string, line: RuleLine): Insertion | null {
  const root = rootOf(text);
  if (root === null || root.flow === true) return null;
  const policy = pairOf(root, 'policy');
  if (policy === null) {
    const gap = text === '' || text.endsWith('\n') ? '' : '\n';
    return { offset: text.length, text: `${gap}policy:\n  ${line.section}:\n    - ${line.item}\n` };
  }
  if (isEmpty(policy)) return below(text, policy, `  ${line.section}:\n    - ${line.item}`);
  if (!isMap(policy.value)) return null;
  return intoPolicy(text, { pair: policy, map: policy.value }, line);
}

function intoPolicy(
  text: string,
  policy: { readonly pair: Pair; readonly map: YAMLMap },
  { section, item }: RuleLine,
): Insertion | null {
  const { pair, map } = policy;
  const list = pairOf(map, section);
  if (map.flow === true && list === null) {
    return within(map, map.items.length === 0 ? ` ${section}: [${item}] ` : ` ${section}: [${item}],`);
  }
  if (list === null) {
    const indent = indentOf(text, map);
    return indent === null ? null : below(text, pair, `${indent}${section}:\n${indent}  - ${item}`);
  }
  if (isSeq(list.value) && list.value.flow === true) {
    return within(list.value, list.value.items.length === 0 ? item : `${item}, `);
  }
  if (map.flow === true) return null;
  if (isSeq(list.value)) {
    const indent = indentOf(text, list.value);
    return indent === null ? null : below(text, list, `${indent}- ${item}`);
  }
  const indent = indentOf(text, map);
  return isEmpty(list) && indent !== null ? below(text, list, `${indent}  - ${item}`) : null;
}

/** Behind the opening bracket. */
function within(
  node: { range?: readonly [number, number, number] | null | undefined },
  text: string,
): Insertion | null {
  return node.range ? { offset: node.range[0] + 1, text } : null;
}

/** On lines of their own, below the line of the key: before the comments that belong to what follows. */
function below(text: string, pair: Pair, lines: string): Insertion | null {
  const key = isNode(pair.key) ? pair.key.range : null;
  if (!key) return null;
  const end = text.indexOf('\n', key[1]);
  return end === -1 ? { offset: text.length, text: `\n${lines}\n` } : { offset: end + 1, text: `${lines}\n` };
}

/** What stands before the first item or key; null where that is not on a line of its own. */
function indentOf(text: string, node: { range?: readonly [number, number, number] | null | undefined }): string | null {
  if (!node.range) return null;
  const [from] = node.range;
  const before = text.slice(text.lastIndexOf('\n', from - 1) + 1, from);
  return /^ *$/.test(before) ? before : null;
}

function rootOf(text: string): YAMLMap | null {
  const document = parseDocument(shieldReferences(text), { logLevel: 'silent', prettyErrors: false });
  return document.errors.length === 0 && isMap(document.contents) ? document.contents : null;
}

function pairOf(map: YAMLMap, key: string): Pair | null {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key) ?? null;
}

function valueAt(map: unknown, key: string): unknown {
  return isMap(map) ? (pairOf(map, key)?.value ?? null) : null;
}

function isEmpty({ value }: Pair): boolean {
  return value === null || (isScalar(value) && value.value === null && (value.source ?? '') === '');
}
