import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { compose } from './demo-stack.js';
import { docker, repository, tryDocker } from './docker.js';

const IMAGE = 'mcp-egress-proxy';
/** Run by the image's own Node: there is no other program in it that could list files. */
const LIST_FILES = `
  const { readdirSync } = require('node:fs');
  const walk = (dir) => readdirSync(dir, { withFileTypes: true }).forEach((entry) => {
    const path = (dir === '/' ? '' : dir) + '/' + entry.name;
    if (/^\\/(proc|sys|dev)$/.test(path)) return;
    entry.isDirectory() ? walk(path) : console.log(path);
  });
  walk('/');
`;
const MOST_BYTES = 140_000_000;

before(async () => {
  await compose(['build', 'egress-proxy']);
});

test('the image is small, and says what it is', async () => {
  const [image] = JSON.parse(await docker(['image', 'inspect', IMAGE]));
  assert.ok(image.Size <= MOST_BYTES, `${image.Size} bytes`);
  assert.equal(image.Config.User, '65532:65532');
  assert.equal(image.Config.Labels['org.opencontainers.image.title'], IMAGE);
  assert.match(image.Config.Labels['org.opencontainers.image.version'], /^\d+\.\d+\.\d+$/);
  assert.deepEqual(image.Config.Healthcheck.Test, ['CMD', '/usr/local/bin/egress-proxy', 'healthcheck']);
  assert.deepEqual(image.Config.Entrypoint, ['/usr/local/bin/egress-proxy']);
});

test('it holds Node and the program, and no shell, package manager, test or source', async () => {
  const listing = await docker(['run', '--rm', '--entrypoint', 'node', IMAGE, '-e', LIST_FILES]);
  const files = listing.trim().split('\n');
  assert.ok(files.includes('/usr/local/bin/node') && files.includes('/app/dist/proxy/main.js'));
  const programs = files.filter((file) => /\/s?bin\//.test(file) && !file.startsWith('/app/'));
  assert.deepEqual(programs.sort(), ['/usr/local/bin/egress-proxy', '/usr/local/bin/node']);
  assert.deepEqual(
    files.filter((file) => /\.(ts|map)$|\/test\/|\/(npm|apt|dpkg)\/(?!status\.d\/)/.test(file)),
    [],
  );
  assert.ok(files.includes('/etc/ssl/certs/ca-certificates.crt'));
  assert.ok(!files.some((file) => file.startsWith('/app/node_modules/')), 'what runs is the bundle');
  for (const part of ['node/LICENSE', 'debian/libc6/copyright'])
    assert.ok(files.includes(`/app/licenses/${part}`), `the licence of ${part}`);
  assert.ok(files.some((file) => /^\/app\/licenses\/fastify@[\d.]+\/LICENSE$/.test(file)));
  for (const file of ['/app/sbom.cdx.json', '/etc/os-release', '/var/lib/dpkg/status.d/libstdc++6'])
    assert.ok(files.includes(file), `a scanner looks for ${file}`);
});

test('it brings compiled code that its own Node takes, and that its own user cannot change', async () => {
  const env = ['-e', 'NODE_DEBUG_NATIVE=COMPILE_CACHE'];
  const { stderr, stdout } = await tryDocker(['run', '--rm', ...env, IMAGE, 'check', 'http://169.254.169.254/']);
  const told = `${stdout}${stderr}`;
  assert.match(told, /check-\w+\.js was accepted/);
  assert.doesNotMatch(told, /was rejected/);
  const write = "require('node:fs').writeFileSync('/app/dist/.compile-cache/x', '')";
  const { code, stderr: refusal } = await tryDocker(['run', '--rm', '--entrypoint', 'node', IMAGE, '-e', write]);
  assert.notEqual(code, 0);
  assert.match(refusal, /EACCES/);
});

test('a live policy in config/, with its tokens, gets into no image', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'build-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const secret = `canary-${process.pid}-${Date.now()}`;
  for (const name of ['package.json', 'package-lock.json', '.npmrc', '.dockerignore', 'tsconfig.json', 'LICENSE'])
    cpSync(join(repository, name), join(folder, name));
  for (const name of ['proxy', 'build', 'config', 'docker'])
    cpSync(join(repository, name), join(folder, name), { recursive: true });
  appendFileSync(join(folder, 'config/policy.yaml'), `clients: [ { name: github, token: ${secret} } ]\n`);
  writeFileSync(join(folder, 'config/tokens.env'), `TOKEN=${secret}\n`);
  const tag = `mcp-egress-canary-${process.pid}`;
  await docker(['build', '--quiet', '--network', 'host', '-f', 'docker/Dockerfile', '-t', tag, '.'], { cwd: folder });
  t.after(() => tryDocker(['rmi', '-f', tag]));
  const read = "process.stdout.write(require('node:fs').readFileSync('/app/config/policy.yaml', 'utf8'))";
  const policy = await docker(['run', '--rm', '--entrypoint', 'node', tag, '-e', read]);
  assert.equal(policy, readFileSync(join(repository, 'build/policy.yaml'), 'utf8'));
  const list = (await docker(['run', '--rm', '--entrypoint', 'node', tag, '-e', LIST_FILES])).split('\n');
  assert.deepEqual(list.filter((file) => file.startsWith('/app/config/')).sort(), [
    '/app/config/policy.schema.json',
    '/app/config/policy.yaml',
  ]);
});

test('every command runs without a writable file, a capability or a network', async () => {
  const locked = [
    '--rm',
    '--read-only',
    '--cap-drop',
    'ALL',
    '--security-opt',
    'no-new-privileges',
    '--network',
    'none',
  ];
  const check = await tryDocker(['run', ...locked, IMAGE, 'check', 'http://169.254.169.254/']);
  assert.equal(check.code, 3, check.stderr);
  assert.match(check.stdout, /metadata-address/);
  const ranges = await docker(['run', ...locked, IMAGE, 'ranges', '--json']);
  assert.ok(JSON.stringify(JSON.parse(ranges)).includes('169.254.169.254'));
  const usage = await tryDocker(['run', ...locked, IMAGE, 'no-such-command']);
  assert.equal(usage.code, 2);
});
