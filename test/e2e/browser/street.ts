/**
 * A network of its own with a public address in it, so that what is allowed can succeed: proxy and browser live in one
 * namespace, 45.45.45.45 and a private one in another. Nothing leaves the two.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const PUBLIC = '45.45.45.45';
export const PRIVATE = '192.168.1.20';
const ORIGIN = `require('node:http').createServer((q, s) => s.end('hello')).listen(80, '${PUBLIC}', () => console.log('up'));
for (const [host, port] of [['${PUBLIC}', 7], ['${PUBLIC}', 443], ['${PRIVATE}', 445]])
  require('node:net').createServer((c) => c.on('error', () => {}).pipe(c)).listen(port, host)`;

export interface Street {
  /** Runs a command where proxy and browser are. */
  readonly within: readonly string[];
  /** Starts Chromium there. */
  readonly browser: string;
  /** The status of a GET through the proxy; 0 if there is none. */
  get(proxy: string, url: string, user?: string): Promise<number>;
  close(): void;
}

/** `hosts`: lines of hosts(5) for proxy and browser; what is not in there has no name. */
export async function openStreet(hosts: readonly string[] = []): Promise<Street> {
  const near = `egress-near-${process.pid}`;
  const far = `egress-far-${process.pid}`;
  const run = (...args: string[]) => execFileSync('ip', args);
  for (const name of [near, far]) {
    run('netns', 'add', name);
    run('-n', name, 'link', 'set', 'lo', 'up');
  }
  // `ip netns exec` puts these files over those of /etc.
  const etc = join('/etc/netns', near);
  if (hosts.length > 0) {
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(etc, 'hosts'), hosts.map((line) => `${line}\n`).join(''));
  }
  run('link', 'add', 'near0', 'netns', near, 'type', 'veth', 'peer', 'name', 'far0', 'netns', far);
  run('-n', near, 'addr', 'add', '192.0.2.1/30', 'dev', 'near0');
  run('-n', far, 'addr', 'add', '192.0.2.2/30', 'dev', 'far0');
  for (const host of [PUBLIC, PRIVATE]) run('-n', far, 'addr', 'add', `${host}/32`, 'dev', 'lo');
  // A link-local address that turns up a second later is a change of network, on which Chromium gives up what it loads.
  run('-n', near, 'link', 'set', 'near0', 'addrgenmode', 'none');
  run('-n', near, 'link', 'set', 'near0', 'up');
  run('-n', far, 'link', 'set', 'far0', 'up');
  run('-n', near, 'route', 'add', 'default', 'via', '192.0.2.2');
  const folder = mkdtempSync(join(tmpdir(), 'egress-street-'));
  const browser = join(folder, 'chromium');
  writeFileSync(browser, `#!/bin/sh\nexec ip netns exec ${near} ${CHROMIUM} "$@"\n`);
  chmodSync(browser, 0o755);
  const origin = spawn('ip', ['netns', 'exec', far, process.execPath, '-e', ORIGIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => origin.stdout.once('data', resolve));
  const within = ['ip', 'netns', 'exec', near];
  return {
    within,
    browser,
    get: (proxy, url, user) =>
      new Promise((resolve) => {
        const credentials = user === undefined ? [] : ['--proxy-user', user];
        const curl = 'curl -s -m 20 -o /dev/null -w %{http_code} -x'.split(' ');
        const args = [...within.slice(1), ...curl, proxy, ...credentials, url];
        execFile('ip', args, (_error, stdout) => resolve(Number(stdout)));
      }),
    close() {
      origin.kill('SIGKILL');
      for (const name of [near, far]) run('netns', 'del', name);
      for (const made of [folder, etc]) rmSync(made, { recursive: true, force: true });
    },
  };
}
