/** A network namespace of the bench's own, where root allows: no other traffic, all ports free, names in its hosts file. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from './toolchain.js';

export const ORIGIN_NAME = 'origin.bench.example';
export const ORIGIN_ADDRESS = '127.0.0.2';
/** The address that every contender that can refuse refuses. */
export const REFUSED_ADDRESS = '127.0.0.3';
/** Those who ask in the row of neighbours: the first of the addresses of each, of which it may have five. */
export const CLIENTS = { own: '127.0.1.1', moving: '127.0.2.1', refused: '127.0.3.1' };
const CLIENT_ADDRESSES = 5;
const MARK = 'EGRESS_BENCH_SANDBOX';

export function isInside(): boolean {
  return process.env[MARK] === '1';
}

/**
 * Runs this program again inside; the exit status to end with. Null: there is no namespace to be had, and the caller goes on where
 * it is, on plain loopback.
 */
export function enter(folder: string): number | null {
  if (!isPossible()) return null;
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${ORIGIN_ADDRESS} ${ORIGIN_NAME}\n${clientNames().join('')}`);
  const script = [
    'ip link set lo up',
    'echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range',
    'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse',
    `mount --bind ${quoted(hosts)} /etc/hosts`,
    'exec "$@"',
  ].join(' && ');
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const inside = spawnSync(
    'unshare',
    [
      '--net',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--',
      'sh',
      '-c',
      script,
      'bench',
      ...again,
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, [MARK]: '1' },
    },
  );
  return inside.status ?? 1;
}

/** Some proxies look for the name of each client, and would ask a server that is not there. */
function clientNames(): string[] {
  return Object.entries(CLIENTS).flatMap(([name, first]) =>
    Array.from(
      { length: CLIENT_ADDRESSES },
      (_, i) => `${first.replace(/1$/, String(i + 1))} ${name}-${i}.bench.example\n`,
    ),
  );
}

function isPossible(): boolean {
  if (process.getuid?.() !== 0 || installed('unshare') === null || installed('ip') === null) return false;
  return spawnSync('unshare', ['--net', '--mount', '--', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
