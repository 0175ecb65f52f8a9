/** TypeScript source as tokens and imports, by the scanner of the compiler: comments and strings cannot hide code. */
import { SyntaxKind } from 'typescript/unstable/ast';
import { createScanner } from 'typescript/unstable/ast/scanner';

export interface Token {
  readonly kind: SyntaxKind;
  readonly text: string;
  readonly line: number;
}

export interface Import {
  readonly module: string;
  /** No value of the module is there at run time. */
  readonly typeOnly: boolean;
  /** Imported names by value (`default` and `*` for the whole module), with the local name. */
  readonly names: readonly { readonly imported: string; readonly local: string }[];
  readonly line: number;
}

const ENDS_OPERAND = /^(?:[\w$]+|[)\]}]|["'`].*)$/s;
const BEFORE_REGEX = /^(?:return|typeof|case|in|of|void|delete|await|yield)$/;

export function tokensOf(text: string): Token[] {
  const scanner = createScanner(true, 0, text);
  const tokens: Token[] = [];
  const braces: boolean[] = [];
  let line = 1;
  let counted = 0;
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    const previous = tokens.at(-1)?.text ?? '';
    const actual = rescanned(scanner, kind, previous, braces);
    const start = scanner.getTokenStart();
    line += text.slice(counted, start).split('\n').length - 1;
    counted = start;
    tokens.push({ kind: actual, text: scanner.getTokenText(), line });
  }
  return tokens;
}

export function importsOf(tokens: readonly Token[]): Import[] {
  return tokens.flatMap((token, index) => {
    const next = tokens[index + 1]?.text ?? '';
    if (token.text === 'import' && next === '(') return [dynamicImport(tokens, index)];
    if (token.text !== 'import' && token.text !== 'export') return [];
    if (next === '.' || tokens[index - 1]?.text === '.') return [];
    const found = staticImport(tokens, index);
    return found === null ? [] : [found];
  });
}

/** A slash starts a regular expression where no operand ends before it; a brace may close a template's hole. */
function rescanned(
  scanner: ReturnType<typeof createScanner>,
  kind: SyntaxKind,
  previous: string,
  braces: boolean[],
): SyntaxKind {
  if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
    const division = ENDS_OPERAND.test(previous) && !BEFORE_REGEX.test(previous);
    return division ? kind : scanner.reScanSlashToken();
  }
  if (kind === SyntaxKind.TemplateHead) braces.push(true);
  if (kind === SyntaxKind.OpenBraceToken) braces.push(false);
  if (kind !== SyntaxKind.CloseBraceToken) return kind;
  if (braces.pop() !== true) return kind;
  const rest = scanner.reScanTemplateToken(false);
  if (rest === SyntaxKind.TemplateMiddle) braces.push(true);
  return rest;
}

function dynamicImport(tokens: readonly Token[], index: number): Import {
  const argument = tokens[index + 2];
  const literal = argument !== undefined && tokens[index + 3]?.text === ')' && /^['"]/.test(argument.text);
  const module = literal ? argument.text.slice(1, -1) : '(computed)';
  return { module, typeOnly: false, names: [{ imported: '*', local: '' }], line: tokens[index]?.line ?? 0 };
}

/** Null for an export of a declaration. */
function staticImport(tokens: readonly Token[], index: number): Import | null {
  const clause: Token[] = [];
  for (let i = index + 1; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined || /^(?:[;=(]|const|function|class|interface|let|default)$/.test(token.text)) return null;
    if (/^['"]/.test(token.text)) return described(clause, token);
    clause.push(token);
  }
  return null;
}

function described(clause: readonly Token[], specifier: Token): Import {
  const words = clause.map((token) => token.text);
  const typeOnly = words[0] === 'type' && words[1] !== 'from' && words[1] !== ',';
  const open = words.indexOf('{');
  const before = (open === -1 ? words : words.slice(0, open)).filter((word) => !/^(?:from|,|type)$/.test(word));
  const names: { imported: string; local: string }[] = [];
  if (before[0] === '*') names.push({ imported: '*', local: before[2] ?? '' });
  else if (before[0] !== undefined) names.push({ imported: 'default', local: before[0] });
  if (open !== -1) names.push(...namedOf(words.slice(open + 1, words.lastIndexOf('}'))));
  const module = specifier.text.slice(1, -1);
  const onlyTypes = typeOnly || (words.includes('{') && names.length === 0);
  return { module, typeOnly: onlyTypes, names: typeOnly ? [] : names, line: specifier.line };
}

function namedOf(words: readonly string[]): { imported: string; local: string }[] {
  const items = words.join(' ').split(' , ');
  return items.flatMap((item) => {
    const parts = item.replaceAll(',', '').trim().split(/\s+/);
    if (parts[0] === 'type' && parts.length > 1) return [];
    const [imported = '', , local = imported] = parts;
    return imported === '' ? [] : [{ imported, local }];
  });
}
