/** Which file can send what to whom: every use of a member of Node or a package that opens, wraps or answers a socket. */
import { members, moduleOf, type Source } from './rules.js';
import { importsOf, tokensOf } from './tokens.js';

/** What of a module sends nothing: types, constants, and looks at text. */
const SILENT: ReadonlySet<string> = new Set([
  'isIP',
  'STATUS_CODES',
  'METHODS',
  'BADRESP',
  'NODATA',
  'NOTFOUND',
  'TIMEOUT',
  // Types, and request and response around a socket that somebody else accepted.
  'Socket',
  'TLSSocket',
  'Server',
  'ServerOptions',
  'LookupFunction',
  'IncomingMessage',
  'ServerResponse',
]);
const MODULES =
  /^(?:node:(?:net|tls|https?2?|dgram|dns(?:\/promises)?|child_process)|undici(?:\/lib\/dispatcher\/.*)?)$/;
const GLOBALS: ReadonlySet<string> = new Set(['fetch', 'WebSocket', 'EventSource']);

/** `path: member of module`, sorted, each once. */
export function sendersOf(sources: readonly Source[]): string[] {
  const found = sources.flatMap(({ path, text }) => {
    const tokens = tokensOf(text);
    const imported = importsOf(tokens)
      .map((item) => ({ ...item, module: moduleOf(item.module) }))
      .filter(({ module, typeOnly }) => !typeOnly && MODULES.test(module))
      .flatMap(({ module, names }) => {
        const used = names.flatMap(({ imported: name, local }) => members(name, local, tokens));
        const heard = (used.length === 0 ? ['*'] : used).filter((name) => !SILENT.has(name));
        return heard.map((name) => `${path}: ${name} of ${module}`);
      });
    const globals = tokens
      .filter((token, i) => GLOBALS.has(token.text) && tokens[i - 1]?.text !== '.' && tokens[i + 1]?.text === '(')
      .map((token) => `${path}: ${token.text}`);
    return [...imported, ...globals];
  });
  return [...new Set(found)].sort();
}
