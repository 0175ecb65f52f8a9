/** Suggested lists as a configuration: a new file, or an existing one with the lists added to its policy. */
import { type Document, isMap, isScalar, isSeq, parseDocument, YAMLMap, YAMLSeq } from 'yaml';
import { shieldReferences, unshieldReferences } from '../config/yaml-source.js';
import type { Lists } from './lists.js';

export interface Suggestion extends Lists {
  /** Lines of a comment at the top. */
  readonly remarks: readonly string[];
  readonly needsSniLog: boolean;
}

/** A complete file that loads as it is. */
export function newConfiguration({ remarks, allow, internal, needsSniLog }: Suggestion): string {
  const isEmpty = !allow.some((line) => line.startsWith('-'));
  const lines = [
    ...remarks,
    'version: 1',
    'policy:',
    '  mode: enforce',
    '  default: none',
    ...(needsSniLog ? [`  sni: log # ${SNI_NOTE}`] : []),
    isEmpty ? '  allow: []' : '  allow:',
    ...allow.map((line) => `    ${line}`),
    ...internalComment(internal).map((line) => `  #${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * `base` with `default: none`, `mode: enforce` and the suggested rules after its own; comments and `${NAME}` stay. Throws if
 * `base` is no YAML.
 */
export function extendedConfiguration(base: string, suggestion: Suggestion): string {
  const document = parseDocument(shieldReferences(base), {
    logLevel: 'error',
    merge: false,
    schema: 'core',
    version: '1.2',
  });
  if (document.errors.length > 0) throw new Error('the configuration is not valid YAML');
  const policy = policyOf(document);
  policy.set('mode', 'enforce');
  policy.set('default', 'none');
  const sni = policy.get('sni');
  if (suggestion.needsSniLog && sni !== 'off' && sni !== 'log') policy.set('sni', 'log');
  extendAllow(document, policy, suggestion.allow);
  const comment = [policy.comment, ...internalComment(suggestion.internal)].filter((line) => line).join('\n');
  if (comment !== '') policy.comment = comment;
  const text = unshieldReferences(document.toString({ lineWidth: 0 }));
  return `${suggestion.remarks.join('\n')}\n${text}`;
}

const SNI_NOTE = 'tunnels were used for TLS server names other than their host';

function internalComment(lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [
    ' Private destinations. Each of these opens one to a tool: uncomment what it needs, and "internal:" with it.',
    ' internal:',
    ...lines.map((line) => `   ${line}`),
  ];
}

/** Turned into block style, since braces leave no place for comments. */
function policyOf(document: Document): YAMLMap {
  const found = document.get('policy', true);
  const policy = isMap(found) ? found : new YAMLMap();
  policy.flow = false;
  if (policy !== found) document.set('policy', policy);
  return policy;
}

function extendAllow(document: Document, policy: YAMLMap, lines: readonly string[]): void {
  const parsed = parseDocument(lines.map((line) => `${line}\n`).join(''));
  const fresh = isSeq(parsed.contents) ? parsed.contents : new YAMLSeq();
  const found = document.getIn(['policy', 'allow'], true);
  const allow = isSeq(found) ? found : new YAMLSeq();
  allow.flow = false;
  const [first] = fresh.items;
  if (isMap(first) || isScalar(first)) first.commentBefore = fresh.commentBefore ?? parsed.commentBefore ?? null;
  const trailing = [fresh.comment, parsed.comment, fresh.items.length === 0 ? parsed.commentBefore : null];
  allow.items.push(...fresh.items);
  allow.comment = [allow.comment, ...trailing].filter((text) => text).join('\n') || null;
  if (allow !== found) policy.set('allow', document.createNode(allow));
}
