/** The environment of a tool: the client's variables, except those that name a proxy, which the guard sets. */
import { malformed, refused } from './field-reader.js';

const MOST_VARIABLES = 256;
const MOST_OCTETS = 128 * 1024;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const OURS = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'FTP_PROXY', 'NODE_USE_ENV_PROXY']);

export interface ProxyVariables {
  /** `host:port` of the proxy. */
  readonly http: string | null;
  /** `host:port` of the SOCKS door; null: no ALL_PROXY. */
  readonly socks: string | null;
}

/**
 * `sent`: items `NAME=value`; the last one of a name wins, as in the engine. `proxy` null: no proxy variables, for a tool
 * without a network. A bare name, which the gateway sends for a secret that is not set, is left out: the engine would
 * remove the image's own variable.
 */
export function environmentOf(sent: readonly string[], proxy: ProxyVariables | null): string[] {
  if (sent.length > MOST_VARIABLES) throw refused('Env', `it may have at most ${MOST_VARIABLES} variables`);
  const octets = sent.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (octets > MOST_OCTETS) throw refused('Env', `it may have at most ${MOST_OCTETS} octets`);
  const kept = new Map<string, string>();
  for (const text of sent) {
    const end = text.indexOf('=');
    const name = end === -1 ? text : text.slice(0, end);
    if (!NAME.test(name)) throw malformed('Env', 'a list of NAME=value, names of letters, digits and "_"');
    if (end !== -1 && !OURS.has(name.toUpperCase())) kept.set(name, text);
  }
  return [...kept.values(), ...(proxy === null ? [] : proxyVariables(proxy))];
}

/** In upper and lower case, since clients differ in which one they read. With a scheme, without which Node ends at once. */
function proxyVariables({ http, socks }: ProxyVariables): string[] {
  const own = 'localhost,127.0.0.1,::1';
  const pair = (name: string, value: string) => [`${name}=${value}`, `${name.toLowerCase()}=${value}`];
  return [
    ...(http === null ? [] : [...pair('HTTP_PROXY', `http://${http}`), ...pair('HTTPS_PROXY', `http://${http}`)]),
    ...(socks === null ? [] : pair('ALL_PROXY', `socks5h://${socks}`)),
    ...(http === null && socks === null ? [] : pair('NO_PROXY', own)),
    ...(http === null ? [] : ['NODE_USE_ENV_PROXY=1']),
  ];
}
