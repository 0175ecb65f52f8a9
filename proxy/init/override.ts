/** The override for one stack: the shipped one with the stack's own names. */
import { createHash } from 'node:crypto';
import { InitError } from './init-error.js';

export interface Place {
  readonly gateway: string;
  readonly hasNetworkMode: boolean;
  /** Networks on which the sidecar answers for the gateway, and by which names. */
  readonly networks: ReadonlyMap<string, readonly string[]>;
  /** Path and digest of the files beside it, as they were written. */
  readonly beside: ReadonlyMap<string, string>;
}

const MARK =
  '# Written by "egress-proxy init", which may overwrite it: put changes into .env or into a file of your own.';
/** Its path has no `..`, so that it names a file below our folder. */
const DIGEST = /^# sha256 ([0-9a-f]{64}) ((?!.*\.\.)[\w./-]+)$/gm;

/** `shipped`: build/install/compose.override.yml. */
export function overrideFor(shipped: string, { gateway, hasNetworkMode, networks, beside }: Place): string {
  const start = shipped.indexOf('\nservices:\n');
  const head = [MARK, ...[...beside].map(([path, digest]) => `# sha256 ${digest} ${path}`), ''].join('\n');
  const sidecar = [...networks].map(
    ([name, aliases]) => `      ${name}:\n        aliases: ${JSON.stringify(aliases)}\n`,
  );
  const body = [
    [/^ {6}frontend:\n {8}aliases: .*\n {6}backend:\n {8}aliases: .*\n/m, sidecar.join('')],
    [/^ {2}frontend: \{\}\n {2}backend: \{\}\n/m, ''],
    [/^ {2}mcp-gateway:\n/m, `  ${gateway}:\n${hasNetworkMode ? '    network_mode: !reset null\n' : ''}`],
    [/\$\{MCP_GATEWAY_NAME:-mcp-gateway\}/g, `\${MCP_GATEWAY_NAME:-${gateway}}`],
  ] as const;
  return head + body.reduce((text, [pattern, by]) => replaced(text, pattern, by), shipped.slice(start));
}

export function isOurs(override: string): boolean {
  return override.startsWith(MARK);
}

/** The digests that our override has in its head. */
export function digestsIn(override: string): ReadonlyMap<string, string> {
  return new Map([...override.matchAll(DIGEST)].map(([, digest = '', path = '']) => [path, digest]));
}

/** Of bytes as latin1. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}

function replaced(text: string, pattern: RegExp, by: string): string {
  if (text.search(pattern) === -1) throw new InitError(`the shipped override has nothing like ${pattern}`);
  return text.replace(pattern, () => by);
}
