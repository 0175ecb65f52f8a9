/** `/etc/hosts` (hosts(5)) as a table that follows the file. */
import { parseHosts } from '../core/hosts-table.js';
import { type FollowedFile, followFile } from './followed-file.js';

/** The addresses of each name that the file has; a name is in it with at least one. */
export type HostsFile = FollowedFile<ReturnType<typeof parseHosts>>;

/** Where the system keeps it. */
export function hostsPath(platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return '/etc/hosts';
  return `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`;
}

/** An unreadable file is an empty one. `now`: milliseconds. */
export function openHostsFile(path: string, now: () => number = Date.now): HostsFile {
  return followFile(path, parseHosts, { now });
}
