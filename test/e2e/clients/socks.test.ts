import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { type App, createApp } from '../../../proxy/app.js';
import { loadConfig } from '../../../proxy/config/load.js';
import { parseAddress } from '../../../proxy/core/address.js';
import { EgressError } from '../../../proxy/core/reasons.js';
import type { DecisionRecord } from '../../../proxy/observe/record.js';
import { freePort } from '../../net/free-port.js';

/** Real clients over SOCKS to servers on loopback: curl, PySocks (python3-socks), git over ssh (openssh-server, netcat-openbsd). */
const TOKEN = 'a-token-of-sixteen-and-more';
const NAMES: Readonly<Record<string, string>> = {
  'site.test': '127.0.0.1',
  'git.test': '127.0.0.1',
  'lan.test': '10.0.0.7',
};
const run = promisify(execFile);

const folder = mkdtempSync(join(tmpdir(), 'egress-socks-'));
const decisions: DecisionRecord[] = [];
let app: App;
let site: http.Server;
let sshd: ChildProcess;
let ports: { readonly site: number; readonly ssh: number; readonly socks: number };

before(async () => {
  site = http.createServer((_request, response) => response.end('welcome'));
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const ssh = await freePort();
  await makeRepository();
  sshd = await startSshd(ssh);
  const own = (site.address() as AddressInfo).port;
  app = startable(own, ssh);
  ports = { site: own, ssh, socks: (await app.start()).get('socks')?.port ?? 0 };
});

beforeEach(() => {
  decisions.length = 0;
});

after(async () => {
  sshd.kill();
  site.close();
  await app.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('curl --socks5-hostname reaches a site by name', async () => {
  const { stdout } = await curl('--socks5-hostname', `127.0.0.1:${ports.socks}`, `http://site.test:${ports.site}/`);
  assert.equal(stdout, 'welcome');
  assert.deepEqual(told(), [['allow', null, 'site.test', ports.site, null]]);
});

test('curl with a username and a password is that client', async () => {
  const { stdout } = await curl(
    '--proxy',
    `socks5h://tool:${TOKEN}@127.0.0.1:${ports.socks}`,
    `http://site.test:${ports.site}/`,
  );
  assert.equal(stdout, 'welcome');
  assert.deepEqual(told(), [['allow', null, 'site.test', ports.site, 'tool']]);
});

test('curl says that a private name is refused, and that a password is wrong', async () => {
  const hostname = curl('--socks5-hostname', `127.0.0.1:${ports.socks}`, 'http://lan.test/');
  await assert.rejects(hostname, (error: { stderr: string }) => /\(2\)/.test(error.stderr));
  const wrong = curl('--proxy', `socks5h://tool:wrong@127.0.0.1:${ports.socks}`, `http://site.test:${ports.site}/`);
  await assert.rejects(wrong, (error: { stderr: string }) => /rejected|authentication|failed/i.test(error.stderr));
  const refusals = [
    ['deny', 'address-prohibited', 'lan.test', 80, null],
    ['deny', 'client-unauthenticated', null, null, null],
  ];
  assert.deepEqual(told(), refusals);
});

test('Python with PySocks reaches a site by name, as the client that it says it is', async () => {
  const script = `
import socks, sys
s = socks.socksocket()
s.set_proxy(socks.SOCKS5, "127.0.0.1", ${ports.socks}, rdns=True, username="tool", password="${TOKEN}")
s.connect(("site.test", ${ports.site}))
s.sendall(b"GET / HTTP/1.0\\r\\nHost: site.test\\r\\n\\r\\n")
while data := s.recv(4096): sys.stdout.write(data.decode())
`;
  const { stdout } = await run('/usr/bin/python3', ['-c', script]);
  assert.match(stdout, /welcome$/);
  assert.deepEqual(told(), [['allow', null, 'site.test', ports.site, 'tool']]);
});

test('git clones over ssh with a ProxyCommand', async () => {
  const proxyCommand = `nc -X 5 -x 127.0.0.1:${ports.socks} %h %p`;
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    `ProxyCommand=${proxyCommand}`,
  ];
  const ssh = [
    'ssh',
    '-F',
    'none',
    '-i',
    join(folder, 'client'),
    ...options.flatMap((option) => ['-o', `'${option}'`]),
  ];
  const url = `ssh://${userInfo().username}@git.test:${ports.ssh}${join(folder, 'site.git')}`;
  await run('git', ['clone', '--quiet', url, join(folder, 'clone')], {
    env: { ...process.env, GIT_SSH_COMMAND: ssh.join(' ') },
  });
  const { stdout } = await run('git', ['-C', join(folder, 'clone'), 'log', '--format=%s']);
  assert.equal(stdout, 'first\n');
  assert.deepEqual(told(), [['allow', null, 'git.test', ports.ssh, null]]);
});

function told(): unknown[] {
  assert.ok(decisions.every(({ door }) => door === 'socks'));
  return decisions.map(({ outcome, reason, host, port, client }) => [outcome, reason, host, port, client.name]);
}

function curl(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run('curl', ['--silent', '--show-error', '--max-time', '10', ...args]);
}

function startable(...open: number[]): App {
  const path = join(folder, 'policy.yaml');
  writeFileSync(
    path,
    `version: 1
listen: { proxy: "127.0.0.1:0", socks: "127.0.0.1:0" }
policy: { default: public, internal: [ { address: 127.0.0.1/32, ports: [${open.join(', ')}] } ] }
clients: [ { name: tool, token: ${TOKEN} } ]
`,
  );
  const loaded = loadConfig({ path, env: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  return createApp({
    config: loaded.config,
    records: { sink: { decision: (record) => decisions.push(record), closed: () => undefined } },
    onDefect: (error) => {
      throw error;
    },
    resolver: {
      async resolve(name) {
        const address = parseAddress(NAMES[name] ?? '');
        if (address === null) throw new EgressError('name-not-found');
        return [address];
      },
      reverse: async () => null,
    },
  });
}

async function makeRepository(): Promise<void> {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@site.test'];
  await run('git', ['init', '--quiet', join(folder, 'work')]);
  await run('git', [...identity, '-C', join(folder, 'work'), 'commit', '--quiet', '--allow-empty', '-m', 'first']);
  await run('git', ['clone', '--quiet', '--bare', join(folder, 'work'), join(folder, 'site.git')]);
}

/** A server of its own keys and its own authorized key, which lasts as long as the tests. */
async function startSshd(port: number): Promise<ChildProcess> {
  for (const key of ['host', 'client'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
  const config = join(folder, 'sshd_config');
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'client.pub')}`,
    `PidFile ${join(folder, 'sshd.pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  chmodSync(folder, 0o755);
  mkdirSync('/run/sshd', { recursive: true });
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'inherit', 'pipe'] });
  while (!String(await once(server.stderr, 'data')).includes('listening'));
  return server;
}
