/** What the architecture forbids, as a function from sources to findings; `architecture.test.ts` runs it on the product. */
import { posix } from 'node:path';
import { SyntaxKind } from 'typescript/unstable/ast';
import { type Import, importsOf, type Token, tokensOf } from './tokens.js';

export interface Source {
  /** From the root of the repository, with slashes: `proxy/core/policy.ts`. */
  readonly path: string;
  readonly text: string;
}

/** The files that may use these names of a module by value; `*` stands for every name. */
type Owners = readonly (readonly [files: RegExp, names: '*' | readonly string[]])[];

const EVERY_FILE = /./;

/**
 * The dialer opens sockets, upstream-tls.ts wraps one that is open, and nothing else connects. The second
 * way out is DNS, over the sockets of dns-socket.ts; the third are the answers of the DNS door. Nothing else leaves.
 */
const OWNED: Readonly<Record<string, Owners>> = {
  'node:net': [
    [/^proxy\/net\/dialer\.ts$/, '*'],
    [/^proxy\/net\/dns-socket\.ts$/, ['connect', 'isIP']],
    // To the engine's Unix socket, by a path: no network.
    [/^proxy\/guard\/engine\.ts$/, ['connect']],
    [EVERY_FILE, ['createServer', 'Server', 'Socket', 'isIP']],
  ],
  'node:tls': [[/^proxy\/net\/upstream-tls\.ts$/, '*']],
  'node:http': [
    [/^proxy\/guard\/engine\.ts$/, ['request', 'Agent', 'ClientRequest', 'RequestOptions']],
    [
      EVERY_FILE,
      ['createServer', 'Server', 'ServerOptions', 'IncomingMessage', 'ServerResponse', 'STATUS_CODES', 'METHODS'],
    ],
  ],
  // To the API server of the cluster, for the names of clients.
  'node:https': [[/^proxy\/kubernetes\/api-server\.ts$/, ['Agent', 'request']]],
  'node:http2': [],
  'node:dgram': [[/^proxy\/(?:dns\/dns-door|net\/dns-socket)\.ts$/, ['createSocket']]],
  // Only what the system says its servers are; c-ares asks nothing.
  'node:dns': [[/^proxy\/net\/resolv-conf\.ts$/, ['Resolver']]],
  'node:dns/promises': [],
  'node:child_process': [],
  'node:worker_threads': [],
  'node:cluster': [],
  'node:vm': [],
  'node:module': [[/^proxy\/main\.ts$/, '*']],
  undici: [],
  'ipaddr.js': [[/^proxy\/core\/address\.ts$/, '*']],
  zod: [[/^proxy\/(?:config\/|observe\/parse-(?:record|spawn)\.ts$|admin\/admin\.ts$)/, '*']],
  yaml: [[/^proxy\/(?:config|suggest|init)\//, '*']],
};

/** Globals of Node that open connections, or make code of text. */
const FORBIDDEN_GLOBALS = new Set(['fetch', 'WebSocket', 'EventSource', 'eval', 'Function', 'require']);

/** Members of `process` that give a module to someone who does not import it. */
const FORBIDDEN_MEMBERS = new Set(['getBuiltinModule', 'binding', '_linkedBinding']);

/** What commands beside `serve` connect with: it runs in other processes and carries nobody's request. */
const CONNECTING_COMMANDS =
  /^proxy\/(?:cli\/(?:admin-client|event-stream|healthcheck|suggest|probe)\.ts$|probe\/|suggest\/|audit\/facts\/engine-api\.ts$)/;

/** The floors, the lowest first. A room uses rooms below its own floor and no other: so no two import each other. */
const FLOORS: readonly RegExp[] = [
  /^proxy\/core\//,
  /^proxy\/(?:observe|config|probe)\//,
  /^proxy\/(?:net|firewall|guard|kubernetes|suggest|audit|decide)\//,
  /^proxy\/init\//,
  /^proxy\/door\//,
  /^proxy\/tls\//,
  /^proxy\/(?:http|socks|dns|admin)\//,
  /^proxy\/post\//,
  /^proxy\/(?:parent|notify|otlp)\//,
  /^proxy\/app\//,
  /^proxy\/app\.ts$/,
  /^proxy\/cli\//,
  /^proxy\/main\.ts$/,
];

const MOST_LINES = 250;

/** A type as long as nobody makes one. */
const SOCKETS = /^(?:TLS)?Socket$/;

/** One line for each finding: `path:line what`. Empty where the sources keep to the architecture. */
export function findings(sources: readonly Source[]): string[] {
  return [...sources.flatMap(findingsIn), ...folderCircles(sources)];
}

function findingsIn(source: Source): string[] {
  const tokens = tokensOf(source.text);
  const imports = importsOf(tokens);
  const found = [
    ...imports.flatMap((item) => importFindings(source.path, item, tokens)),
    ...tokens.flatMap((token, index) => tokenFindings(source.path, token, index, tokens)),
    ...moduleState(tokens),
    ...lengthFindings(source.text),
    ...madeByHand(source),
  ];
  const excused = (finding: string): boolean => finding.endsWith(' says any') && isExcused(source.text, finding);
  return found.filter((finding) => !excused(finding)).map((finding) => `${source.path}:${finding}`);
}

/** Folders of one room that import each other, the room's own files among them; types count. */
function folderCircles(sources: readonly Source[]): string[] {
  const edges = sources.flatMap(({ path, text }) =>
    importsOf(tokensOf(text)).flatMap(({ module, line }) => {
      if (!module.startsWith('.')) return [];
      const [from, to] = [posix.dirname(path), posix.dirname(posix.join(posix.dirname(path), module))];
      return from !== to && roomOf(from) === roomOf(to) ? [{ from, to, at: `${path}:${line}` }] : [];
    }),
  );
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    edges.some((edge) => {
      if (edge.from !== from || seen.has(edge.to)) return false;
      seen.add(edge.to);
      return edge.to === to || reaches(edge.to, to, seen);
    });
  return edges.filter(({ from, to }) => reaches(to, from)).map(({ at, to }) => `${at} imports in a circle: ${to}`);
}

/** The linter asks for a reason in the line before: that is where a library's own type leaves no choice. */
function isExcused(text: string, finding: string): boolean {
  const before = text.split('\n')[Number.parseInt(finding, 10) - 2] ?? '';
  return /biome-ignore lint\/suspicious\/noExplicitAny: \S/.test(before);
}

function importFindings(path: string, item: Import, tokens: readonly Token[]): string[] {
  if (item.module.startsWith('.')) return floorFindings(path, item);
  const module = moduleOf(item.module);
  if (path.startsWith('proxy/core/') && module.startsWith('node:')) return [`${item.line} core imports ${module}`];
  // A path inside a package is the package's, unless it is named itself.
  const owners = OWNED[module] ?? OWNED[module.split('/')[0] ?? ''];
  if (module === '(computed)') return [`${item.line} imports what no reader can know`];
  if (item.typeOnly || owners === undefined || CONNECTING_COMMANDS.test(path)) return [];
  const allowed = owners.find(([files]) => files.test(path))?.[1] ?? [];
  if (allowed === '*') return [];
  const used = item.names.flatMap(({ imported, local }) => members(imported, local, tokens));
  const wrong = (used.length === 0 ? ['*'] : used).filter((name) => !allowed.includes(name));
  return wrong.map((name) => `${item.line} uses ${name} of ${module}`);
}

/** A module of Node under its full name. */
export function moduleOf(specifier: string): string {
  const isNode = /^(?:net|tls|https?2?|dns(?:\/promises)?|dgram|vm|module|cluster|child_process)$/.test(specifier);
  return isNode ? `node:${specifier}` : specifier;
}

/** What is used of an import: the name itself, or each member that is read of a whole module; `*` where it leaks. */
export function members(imported: string, local: string, tokens: readonly Token[]): string[] {
  if (imported !== 'default' && imported !== '*') {
    const made = tokens.some((token, i) => token.text === local && tokens[i - 1]?.text === 'new');
    return made && SOCKETS.test(imported) ? [`new ${imported}`] : [imported];
  }
  const uses = tokens.flatMap((token, i) => (token.text === local && tokens[i - 1]?.text !== '.' ? [i] : []));
  return uses.slice(1).map((i) => {
    if (tokens[i + 1]?.text !== '.') return '*';
    const member = tokens[i + 2]?.text ?? '*';
    return tokens[i - 1]?.text === 'new' && SOCKETS.test(member) ? `new ${member}` : member;
  });
}

function floorFindings(path: string, item: Import): string[] {
  const target = posix.join(posix.dirname(path), item.module).replace(/\.js$/, '.ts');
  const [from, to] = [floorOf(path), floorOf(target)];
  if (from === -1 || to === -1) return [`${item.line} ${from === -1 ? path : target} is on no floor`];
  if (to > from) return [`${item.line} imports upwards: ${target}`];
  return to === from && roomOf(path) !== roomOf(target) ? [`${item.line} imports its neighbour: ${target}`] : [];
}

function floorOf(path: string): number {
  return FLOORS.findIndex((rooms) => rooms.test(path));
}

/** `proxy/http`, and all below it. */
function roomOf(path: string): string {
  return path.split('/', 2).join('/');
}

function tokenFindings(path: string, token: Token, index: number, tokens: readonly Token[]): string[] {
  const before = tokens[index - 1]?.text;
  const after = tokens[index + 1]?.text;
  if (before !== '.' && before !== '?.' && isForbiddenGlobal(token, after) && !CONNECTING_COMMANDS.test(path))
    return [`${token.line} uses ${token.text}`];
  if (FORBIDDEN_MEMBERS.has(token.text)) return [`${token.line} uses ${token.text}`];
  if (token.kind === SyntaxKind.AnyKeyword && before !== '.' && after !== ':' && after !== '(')
    return [`${token.line} says any`];
  if (path === 'proxy/core/policy.ts') return [];
  if (token.text === 'IssuedPermit') return [`${token.line} names IssuedPermit`];
  const cast = token.text === 'Permit' && (before === 'as' || (before === '<' && !isIdentifier(tokens[index - 2])));
  return cast ? [`${token.line} casts to Permit`] : [];
}

function isForbiddenGlobal(token: Token, after: string | undefined): boolean {
  if (!FORBIDDEN_GLOBALS.has(token.text) || after === ':') return false;
  return after === '(' || after === '.' || after === ';' || after === ',' || after === ')';
}

function isIdentifier(token: Token | undefined): boolean {
  return token !== undefined && /^[\w$>\])]+$/.test(token.text) && token.text !== 'return';
}

function moduleState(tokens: readonly Token[]): string[] {
  let depth = 0;
  return tokens.flatMap((token) => {
    if (/^[{([]$/.test(token.text) || token.kind === SyntaxKind.TemplateHead) depth += 1;
    if (/^[})\]]$/.test(token.text) || token.kind === SyntaxKind.TemplateTail) depth -= 1;
    const isState = depth === 0 && (token.text === 'let' || token.text === 'var');
    return isState ? [`${token.line} has module-level mutable state`] : [];
  });
}

/** `host:port` in a template, where an IPv6 address would lack its brackets. */
function madeByHand({ path, text }: Source): string[] {
  if (path === 'proxy/core/target.ts') return [];
  const lines = text.split('\n').map((line, i) => (HOST_PORT.test(line) ? `${i + 1} makes host:port by hand` : null));
  return lines.filter((line) => line !== null);
}

const HOST_PORT = /\$\{[^}]*(?:host(?!Port)|address)[^}]*\}:\$\{[^}]*port/i;

function lengthFindings(text: string): string[] {
  const lines = text.split('\n').length - 1;
  return lines > MOST_LINES ? [`${lines} is longer than ${MOST_LINES} lines`] : [];
}
