/** The DNS servers that the system names, and how it completes short names: resolv.conf(5). */
import { Resolver as CAres } from 'node:dns';
import { type DnsName, parseDnsName } from '../core/target.js';
import { type DnsServer, parseDnsServer } from './dns-server.js';
import { followFile } from './followed-file.js';

export interface DnsSettings {
  /** In the order in which they are asked; never empty. */
  readonly servers: readonly DnsServer[];
  /** Suffixes for names of one label. */
  readonly search: readonly DnsName[];
  /** Names with fewer dots than this are tried with the suffixes first. */
  readonly ndots: number;
}

/** Called for each query, since the settings change with the network. */
export type DnsSettingsSource = () => DnsSettings;

/** The servers of the configuration, without suffixes. Throws if a text names no server. */
export function fixedSettings(texts: readonly string[]): DnsSettingsSource {
  const servers = texts.map((text) => {
    const server = parseDnsServer(text);
    if (server === null) throw new Error(`no DNS server: ${text}`);
    return server;
  });
  const settings: DnsSettings = { servers, search: [], ndots: 1 };
  return () => settings;
}

/** The system's settings, which are followed when they change. */
export function systemSettings(path: string, platform: NodeJS.Platform = process.platform): DnsSettingsSource {
  if (platform === 'win32') return windowsSettings(systemServers, Date.now);
  return followFile(path, parseResolvConf).current;
}

/** resolv.conf(5): further ones are ignored. */
const MOST_SERVERS = 3;
const MOST_SUFFIXES = 6;
/** resolv.conf(5): without a server, the one on this machine is meant. */
const LOCAL: readonly DnsServer[] = [{ host: '127.0.0.1', family: 4, port: 53 }];

/** If the text names no server, those of `before` are kept: whoever writes the file may have emptied it first. */
export function parseResolvConf(text: string, before: DnsSettings | null): DnsSettings {
  const servers: DnsServer[] = [];
  let search: readonly DnsName[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') servers.push(...values.slice(0, 1).flatMap((value) => parseDnsServer(value) ?? []));
    // The last line of either kind counts.
    if (keyword === 'search' || keyword === 'domain') search = values.flatMap((value) => parseDnsName(value) ?? []);
    if (keyword === 'options') ndots = ndotsOf(values) ?? ndots;
  }
  const named = servers.length > 0 ? servers : (before?.servers ?? LOCAL);
  return { servers: named.slice(0, MOST_SERVERS), search: search.slice(0, MOST_SUFFIXES), ndots };
}

function ndotsOf(options: readonly string[]): number | null {
  const [, digits] = /^ndots:(\d{1,2})$/.exec(options.findLast((option) => option.startsWith('ndots:')) ?? '') ?? [];
  return digits === undefined ? null : Number(digits);
}

const ASK_WINDOWS_EVERY_MS = 5000;

/** Windows has no such file: Node reads the registry, but only when a c-ares channel is made. */
export function windowsSettings(read: () => readonly string[], now: () => number): DnsSettingsSource {
  let settings: DnsSettings = { servers: LOCAL, search: [], ndots: 1 };
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    // Below 0: somebody has set the clock back, and nobody knows since when.
    const age = now() - readAt;
    if (age < 0 || age >= ASK_WINDOWS_EVERY_MS) {
      readAt = now();
      const found = read().flatMap((text) => parseDnsServer(text) ?? []);
      if (found.length > 0) settings = { ...settings, servers: found.slice(0, MOST_SERVERS) };
    }
    return settings;
  };
}

function systemServers(): string[] {
  return new CAres().getServers();
}
