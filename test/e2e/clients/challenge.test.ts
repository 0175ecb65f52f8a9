import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FakeDns, startFakeDns, table } from '../../http/fake-dns.js';
import { type Authority, createAuthority } from './authority.js';
import { type Origins, startOrigins } from './origins.js';
import { type ProxyProcess, startProxyProcess } from './proxy-process.js';

const PATIENCE = { timeout: 600_000 };
const TOKEN = 't0ken-of-tool-1234567890';
const program = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/e2e/clients/programs/${name}`, import.meta.url));

let folder: string;
let dns: FakeDns;
let authority: Authority;
let origins: Origins;
let proxy: ProxyProcess;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-challenge-'));
  dns = await startFakeDns(table({ 'origin.test': ['127.0.0.1'] }));
  authority = await createAuthority(join(folder, 'authority'));
  const files = join(folder, 'files');
  await mkdir(join(files, 'info'), { recursive: true });
  // An empty repository, as the dumb protocol serves it.
  await Promise.all([
    writeFile(join(files, 'info', 'refs'), ''),
    writeFile(join(files, 'HEAD'), 'ref: refs/heads/main\n'),
  ]);
  origins = await startOrigins(authority, files);
  proxy = await startProxyProcess(join(folder, 'policy.yaml'), {
    version: 1,
    listen: { proxy: '127.0.0.1:0', admin: 'off' },
    dns: { servers: [dns.server] },
    policy: {
      default: 'none',
      sni: 'off',
      internal: [{ address: '127.0.0.1/32', ports: ['1-65535'], clients: ['tool'] }],
    },
    clients: [{ name: 'tool', token: TOKEN }],
  });
}, PATIENCE);

after(async () => {
  await proxy.stop();
  await origins.close();
  await dns.close();
  await rm(folder, { recursive: true });
});

interface Waiting {
  readonly name: string;
  readonly command: (url: string) => readonly [string, ...string[]];
  readonly env?: () => NodeJS.ProcessEnv;
}

const withCredentials = (): string => proxy.url.replace('http://', `http://tool:${TOKEN}@`);
const java = (which: 'old' | 'new', url: string): readonly [string, ...string[]] => [
  'java',
  // The JDK gives no Basic credentials for a tunnel unless this list is empty.
  '-Djdk.http.auth.tunneling.disabledSchemes=',
  ...['http', 'https'].flatMap((scheme) => [`-D${scheme}.proxyHost=127.0.0.1`, `-D${scheme}.proxyPort=${proxy.port}`]),
  ...[`-Djavax.net.ssl.trustStore=${authority.trustStorePath}`, '-Djavax.net.ssl.trustStorePassword=changeit'],
  ...[program('Challenged.java'), which, 'tool', TOKEN, url],
];

/** Clients that send their credentials once the proxy has asked for them, and not before. */
const CLIENTS: readonly Waiting[] = [
  {
    name: 'curl --proxy-anyauth',
    command: (url) => [
      ...(['curl', '-sS', '--proxy-anyauth', '-U', `tool:${TOKEN}`] as const),
      ...['-x', proxy.url, '--cacert', authority.certificatePath, url],
    ],
  },
  {
    name: 'git',
    command: (url) => ['git', '-c', `http.proxy=${withCredentials()}`, 'ls-remote', `${url}repository/`],
    env: () => ({ GIT_SSL_CAINFO: authority.certificatePath }),
  },
  { name: 'Java HttpClient', command: (url) => java('new', url) },
  { name: 'Java HttpURLConnection', command: (url) => java('old', url) },
  {
    name: '.NET HttpClient',
    command: (url) => ['dotnet', 'run', program('HttpClient.cs'), '--', url],
    env: () => ({
      ...{ PROXY_OF_THE_PROGRAM: withCredentials(), SSL_CERT_FILE: authority.certificatePath },
      ...{ DOTNET_NOLOGO: '1', DOTNET_CLI_TELEMETRY_OPTOUT: '1' },
    }),
  },
  {
    name: 'Chromium by Playwright',
    command: (url) => [process.execPath, program('playwright.mjs'), url],
    env: () => ({ PROXY_OF_THE_PROGRAM: withCredentials() }),
  },
];

for (const client of CLIENTS) {
  for (const scheme of ['http', 'https'] as const) {
    test(`${client.name} is challenged, comes back and is known by name (${scheme})`, PATIENCE, async () => {
      const origin = origins[scheme];
      const { code, output } = await run(client.command(`${origin}/`), client.env?.() ?? {});
      assert.equal(code, 0, output);
      await isChallengedThenKnown(new URL(origin).host);
    });
  }
}

test(
  "Maven's client, which says who it is unasked up to 3.8 and when asked later on, is known by name",
  PATIENCE,
  async () => {
    const own = await mkdtemp(join(folder, 'maven-'));
    const { hostname, port } = new URL(proxy.url);
    await writeFile(
      join(own, 'settings.xml'),
      `<settings><localRepository>${own}/repository</localRepository><proxies><proxy><active>true</active>
     <protocol>https</protocol><host>${hostname}</host><port>${port}</port>
     <username>tool</username><password>${TOKEN}</password></proxy></proxies></settings>`,
    );
    await writeFile(
      join(own, 'pom.xml'),
      `<project><modelVersion>4.0.0</modelVersion><artifactId>a</artifactId><packaging>pom</packaging>
     <parent><groupId>test</groupId><artifactId>parent</artifactId><version>1</version><relativePath/></parent>
     <repositories><repository><id>o</id><url>${origins.https}/maven</url></repository></repositories></project>`,
    );
    const trust = [
      `-Djavax.net.ssl.trustStore=${authority.trustStorePath}`,
      '-Djavax.net.ssl.trustStorePassword=changeit',
    ];
    // The origin has no such file: what counts is who has asked for it.
    await run(['mvn', '-B', '-q', '-s', 'settings.xml', ...trust, 'validate'], {}, own);
    const last = (await proxy.takeDecisions(new URL(origins.https).host, 1)).at(-1);
    assert.deepEqual([last?.outcome, last?.client?.name], ['allow', 'tool']);
  },
);

async function isChallengedThenKnown(authorityText: string): Promise<void> {
  const decisions = await proxy.takeDecisions(authorityText, 2);
  const [first] = decisions;
  assert.deepEqual([first?.outcome, first?.reason, first?.client?.name], ['deny', 'client-unauthenticated', null]);
  const last = decisions.at(-1);
  assert.deepEqual([last?.outcome, last?.client?.name], ['allow', 'tool']);
}

function run(
  [command, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  cwd: string = folder,
): Promise<{ code: number; output: string }> {
  const inherited = Object.entries(process.env).filter(([name]) => !/proxy|^NODE_|_CERT|CA_BUNDLE|^GIT_/i.test(name));
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env: { ...Object.fromEntries(inherited), ...env } }, (error, out, err) => {
      // A client that is not there must fail the test, not skip it.
      if (error !== null && error.code === 'ENOENT') reject(new Error(`${command} is not installed`));
      else resolve({ code: error === null ? 0 : 1, output: `${out}${err}` });
    });
  });
}
