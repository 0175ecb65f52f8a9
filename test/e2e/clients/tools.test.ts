import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type FakeDns, type Script, startFakeDns } from '../../http/fake-dns.js';
import { type Authority, createAuthority } from './authority.js';
import { findNode24 } from './node24.js';
import { type ProxyProcess, startProxyProcess } from './proxy-process.js';
import { type StandIn, startStandIn } from './stand-in.js';
import { layStocks } from './stocks.js';
import { TOOLS, type Tool, type ToolSurroundings } from './tools.js';

const run = promisify(execFile);
const PATIENCE = { timeout: 600_000 };
const SOURCE = fileURLToPath(new URL('../../../../test/e2e/clients/', import.meta.url));

let folder: string;
let dns: FakeDns;
let authority: Authority;
let standIn: StandIn;
let proxy: ProxyProcess;
let grpcServer: ChildProcess;
let grpcPort: string;
let around: Omit<ToolSurroundings, 'folder' | 'http' | 'https' | 'grpc'>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-tools-'));
  dns = await startFakeDns(here);
  authority = await createAuthority(join(folder, 'authority'));
  standIn = await startStandIn(authority, join(folder, 'files'));
  const packages = join(folder, 'packages');
  await Promise.all([
    layStocks(join(folder, 'files'), `https://origin.test${standIn.https}`),
    installPackages(packages),
  ]);
  const node24 = await findNode24(join(folder, 'node24'));
  [grpcServer, grpcPort] = await startGrpc(node24, packages);
  proxy = await startProxyProcess(join(folder, 'policy.yaml'), {
    version: 1,
    listen: { proxy: '127.0.0.1:0', admin: 'off' },
    dns: { servers: [dns.server] },
    policy: { default: 'none', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
  });
  around = { proxy, authority, node24, packages };
}, PATIENCE);

after(async () => {
  await proxy.stop();
  grpcServer.kill();
  await standIn.close();
  await dns.close();
  await rm(folder, { recursive: true });
});

for (const tool of TOOLS) {
  test(`${tool.name} works through the proxy`, PATIENCE, async () => {
    const own = await mkdtemp(join(folder, 'tool-'));
    // Its own, so that no record of another tool counts.
    const host = `${tool.name.toLowerCase().replaceAll(' ', '-')}.origin.test`;
    const addresses = { http: `http://${host}${standIn.http}`, https: `https://${host}${standIn.https}` };
    const shown = await start(tool, { ...around, ...addresses, grpc: `${host}:${grpcPort}`, folder: own });
    assert.match(shown, tool.shows);
    const decisions = await proxy.takeDecisions(host, tool.doors.length);
    const doors = new Set(decisions.map(({ outcome, door }) => `${outcome} ${door}`));
    assert.deepEqual(
      [...doors].toSorted(),
      tool.doors.map((door) => `allow ${door}`),
    );
  });
}

/** `origin.test` and all names below it are here. */
const here: Script = ({ name, type }) =>
  /(?:^|\.)origin\.test$/.test(name) && type === 'A'
    ? { answers: [{ type, name, data: '127.0.0.1', ttl: 60 }] }
    : { rcode: type === 'A' ? 3 : 0 };

/** What it prints, and the names of the files that are in its folder afterwards. */
async function start(tool: Tool, around: ToolSurroundings): Promise<string> {
  const { folder: cwd } = around;
  for (const [name, text] of Object.entries(tool.files?.(around) ?? {})) {
    await mkdir(dirname(join(cwd, name)), { recursive: true });
    await writeFile(join(cwd, name), text);
  }
  const [command, ...args] = tool.command(around);
  const env = { ...bare(), HOME: cwd, ...tool.env(around) };
  const { stdout, stderr } = await run(command, args, { cwd, env }).catch((error: Error & { stderr?: string }) =>
    assert.fail(`${error.message}\n${error.stderr}`),
  );
  const files = await readdir(cwd, { recursive: true });
  return `${stdout}${stderr}\n${files.toSorted().join('\n')}`;
}

/** As their lock file says, without the scripts of anybody's package. */
async function installPackages(at: string): Promise<void> {
  await cp(join(SOURCE, 'packages'), at, { recursive: true });
  await Promise.all(
    ['grpc', 'openai', 'anthropic'].map((name) => cp(join(SOURCE, `programs/${name}.mjs`), join(at, `${name}.mjs`))),
  );
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: at });
}

async function startGrpc(node24: string, packages: string): Promise<[ChildProcess, string]> {
  const server = spawn(node24, [join(packages, 'grpc.mjs'), 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(createInterface({ input: server.stdout }), 'line');
  return [server, port];
}

/** The environment without any proxy setting of this machine. */
function bare(): NodeJS.ProcessEnv {
  const isOurs = (name: string): boolean => !/proxy|^NODE_|_CERT|CA_BUNDLE|^GIT_|^npm_|^PIP_|^CARGO_/i.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isOurs(name)));
}
