import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type FakeDns, startFakeDns, table } from '../../http/fake-dns.js';
import { type Authority, createAuthority } from './authority.js';
import { CLIENTS, type Client, type Surroundings } from './contenders.js';
import { findNode24 } from './node24.js';
import { type Origins, startOrigins } from './origins.js';
import { type ProxyProcess, startProxyProcess } from './proxy-process.js';

const run = promisify(execFile);
/** A compiler and a virtual machine start in here, on two cores that others use as well. */
const PATIENCE = { timeout: 600_000 };

let folder: string;
let dns: FakeDns;
let authority: Authority;
let origins: Origins;
let proxy: ProxyProcess;
let node24: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-clients-'));
  dns = await startFakeDns(table({ 'origin.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] }));
  authority = await createAuthority(join(folder, 'authority'));
  await createRepository(join(folder, 'repository'));
  origins = await startOrigins(authority, join(folder, 'repository', '.git'));
  node24 = await findNode24(join(folder, 'node24'));
  proxy = await startProxyProcess(
    join(folder, 'policy.yaml'),
    {
      version: 1,
      listen: { proxy: '127.0.0.1:0', admin: 'off' },
      dns: { servers: [dns.server] },
      policy: { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
    },
    { NODE_EXTRA_CA_CERTS: authority.certificatePath },
  );
}, PATIENCE);

after(async () => {
  await proxy.stop();
  await origins.close();
  await dns.close();
  await rm(folder, { recursive: true });
});

for (const client of CLIENTS) {
  test(`${client.name} reaches an http and an https origin`, PATIENCE, async () => {
    const { code, output } = await start(client, [`${origins.http}/`, `${origins.https}/`]);
    assert.equal(code, 0, output);
    if (/^(?:ws|Python websockets)$/.test(client.name)) assert.match(output, /200 hello\n200 hello/);
    else assert.match(output, /hello over http[^s][\s\S]*hello over https|hello over httphello over https/);
    const decisions = await proxy.takeDecisions('origin.test', 2);
    assert.deepEqual(
      decisions.map(({ outcome, host, door }) => [outcome, host, door]),
      client.doors.map((door) => ['allow', 'origin.test', door]),
    );
  });

  test(`${client.name} is refused the metadata service, by http and by https`, PATIENCE, async () => {
    for (const url of ['http://169.254.169.254/latest', 'https://169.254.169.254/latest']) {
      const { output } = await start(client, [url]);
      assert.doesNotMatch(output, /hello/);
      const decisions = await proxy.takeDecisions('169.254.169.254', 1);
      for (const { outcome, reason } of decisions) assert.deepEqual([outcome, reason], ['deny', 'metadata-address']);
    }
  });
}

test('git clones over http and over https', PATIENCE, async () => {
  const env = { ...bare(), http_proxy: proxy.url, https_proxy: proxy.url, GIT_SSL_CAINFO: authority.certificatePath };
  for (const origin of [origins.http, origins.https]) {
    const target = await mkdtemp(join(folder, 'clone-'));
    await run('git', ['clone', '-q', `${origin}/repository/`, target], { env });
    assert.equal(await readFile(join(target, 'greeting'), 'utf8'), 'hello\n');
    const decisions = await proxy.takeDecisions(new URL(origin).host, 1);
    const doors = new Set(decisions.map(({ door }) => door));
    assert.deepEqual([...doors], [origin === origins.http ? 'absolute' : 'connect']);
  }
});

test('git is refused a private address', PATIENCE, async () => {
  const env = { ...bare(), http_proxy: proxy.url, https_proxy: proxy.url };
  await assert.rejects(run('git', ['clone', '-q', 'https://10.0.0.1/r', join(folder, 'never')], { env }), /403/);
});

test('https in absolute-form is fetched over TLS, and only with a certificate that is valid for the name', async () => {
  assert.match(await getAbsolute(`${origins.https}/`), /^200 .*hello over https$/);
  const other = origins.https.replace('origin.test', 'other.test');
  assert.match(await getAbsolute(`${other}/`), /^502 Egress failed: upstream-certificate other\.test/);
  const plain = origins.http.replace('http:', 'https:');
  assert.match(await getAbsolute(`${plain}/`), /^502 Egress failed: upstream-tls origin\.test/);
});

/** Status, phrase and content of a GET whose request-target is all of `url`. */
async function getAbsolute(url: string): Promise<string> {
  const request = http.request({
    host: '127.0.0.1',
    port: proxy.port,
    path: url,
    headers: { host: new URL(url).host },
  });
  request.end();
  const [answer] = await once(request, 'response');
  answer.setEncoding('utf8');
  let content = '';
  for await (const part of answer) content += part;
  return `${answer.statusCode} ${answer.statusMessage} ${content}`;
}

async function start(client: Client, urls: readonly string[]): Promise<{ code: number; output: string }> {
  const own = await mkdtemp(join(folder, 'client-'));
  const around: Surroundings = { proxy, authority, folder: own, node24 };
  const [command, ...args] = client.command(around, urls);
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: own, env: { ...bare(), HOME: own, ...client.env(around) } }, (error, out, err) => {
      // A client that is not there must fail the test, not skip it.
      if (error !== null && error.code === 'ENOENT') reject(new Error(`${command} is not installed`));
      else resolve({ code: error === null ? 0 : 1, output: `${out}${err}` });
    });
  });
}

/** The environment without any proxy setting of this machine. */
function bare(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !/proxy|^NODE_|_CERT|CA_BUNDLE|^GIT_/i.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

/** As the dumb protocol of git serves it: plain files, with their list. */
async function createRepository(at: string): Promise<void> {
  await mkdir(at);
  await writeFile(join(at, 'greeting'), 'hello\n');
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=Test', '-c', 'user.email=test@origin.test', ...args], { cwd: at, env: bare() });
  await git('init', '-q', '-b', 'main');
  await git('add', '.');
  await git('commit', '-qm', 'greeting');
  await git('update-server-info');
}
