/** What a user of the image can check, checked here without a network: needs the programs of .ci/tools on the path. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { docker, type Outcome, repository, tryDocker } from './docker.js';
import { type Registry, startRegistry } from './registry.js';

const NAME = `egress-release-${process.pid}`;
const LABEL = 'org.opencontainers.image.';
/** What may be in the image with nothing but its text to carry along. */
const ALLOWED = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', '0BSD']);

interface Component {
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly license: { readonly id?: string; readonly name?: string } }[];
}

let folder: string;
let root: string;
let components: readonly Component[];

/** A program of this machine, with nothing of ours in its environment but what is named. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return tryDocker(args, { program, env, cwd: folder });
}

/** As a release builds, without a cache. */
async function build(tag: string): Promise<void> {
  const env = { EGRESS_PROXY_IMAGE: NAME, EGRESS_BUILD_NETWORK: 'host' };
  await docker(['--no-cache', '--quiet', '--load'], { program: join(repository, 'docker/build.sh'), env });
  await docker(['tag', NAME, `${NAME}:${tag}`]);
  await docker(['save', '-o', join(folder, `${tag}.tar`), `${NAME}:${tag}`]);
}

/** The image as an OCI layout, and the digest of its manifest there. */
async function digestOf(tag: string): Promise<string> {
  const { stdout } = await run('tar', ['xOf', `${tag}.tar`, 'index.json']);
  return JSON.parse(stdout).manifests[0].digest;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-release-'));
  await build('first');
  root = join(folder, 'root');
  await mkdir(root);
  const id = (await docker(['create', `${NAME}:first`])).trim();
  await docker(['export', '-o', join(folder, 'root.tar'), id]);
  await docker(['rm', id]);
  await run('tar', ['xf', 'root.tar', '-C', root]);
  components = JSON.parse(await readFile(join(root, 'app/sbom.cdx.json'), 'utf8')).components;
});

after(async () => {
  for (const tag of ['first', 'second', 'latest']) await tryDocker(['rmi', '-f', `${NAME}:${tag}`]);
  await rm(folder, { recursive: true, force: true });
});

test('built twice without a cache it is the same image, byte for byte', async () => {
  await build('second');
  const [first, second] = [await digestOf('first'), await digestOf('second')];
  if (first !== second) {
    const { stdout } = await run('diffoscope', ['--max-text-report-size', '20000', 'first.tar', 'second.tar']);
    assert.fail(`${first} and ${second} differ:\n${stdout}`);
  }
  assert.match(first, /^sha256:[0-9a-f]{64}$/);
});

test('diffoscope names what differs where something does', async () => {
  await writeFile(join(folder, 'a'), 'one\n');
  await writeFile(join(folder, 'b'), 'two\n');
  const { code, stdout } = await run('diffoscope', ['a', 'b']);
  assert.deepEqual([code, /^-one$/m.test(stdout)], [1, true], stdout);
});

test('its labels say where it comes from', async () => {
  const [image] = JSON.parse(await docker(['image', 'inspect', `${NAME}:first`]));
  const label = (name: string): string => image.Config.Labels[LABEL + name] ?? '';
  const { version, homepage } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', ['-C', repository, ...args])).stdout.trim();
  const revision = await git('rev-parse', 'HEAD');
  assert.equal(label('version'), version);
  assert.deepEqual([label('source'), label('url')], [homepage.replace('#readme', ''), homepage.replace('#readme', '')]);
  assert.equal(label('documentation'), homepage);
  assert.ok([revision, `${revision}-modified`].includes(label('revision')), label('revision'));
  assert.equal(Date.parse(label('created')) / 1000, Number(await git('log', '-1', '--format=%ct')));
  assert.equal(image.Created, label('created'));
  assert.match(label('base.name'), /^node:\d+-bookworm-slim/);
  assert.match(label('base.digest'), /^sha256:[0-9a-f]{64}$/);
});

test('a scanner lists the libraries, Node and every bundled package', async () => {
  const scan = ['rootfs', '--offline-scan', '--skip-db-update', '--format', 'cyclonedx', root];
  const { stdout, stderr } = await run('trivy', scan, { TRIVY_CACHE_DIR: join(folder, 'trivy') });
  assert.ok(stdout.startsWith('{'), stderr);
  const listed: Component[] = JSON.parse(stdout).components;
  const debian = listed.filter(({ purl }) => purl?.startsWith('pkg:deb/debian/')).map(({ name }) => name);
  for (const name of ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'])
    assert.ok(debian.includes(name), `${name} in ${debian}`);
  // By name without its scope, which this version of trivy leaves out.
  const packages = new Set(listed.map(({ name, version }) => `${name.split('/').at(-1)}@${version}`));
  const { stdout: node } = await tryDocker([
    'run',
    '--rm',
    '--entrypoint',
    'node',
    `${NAME}:first`,
    '-p',
    'process.versions.node',
  ]);
  assert.ok(packages.has(`node@${node.trim()}`));
  const bundled = components.filter(({ purl }) => purl.startsWith('pkg:npm/'));
  assert.ok(bundled.length > 40);
  assert.deepEqual(
    bundled.map(({ name, version }) => `${name}@${version}`).filter((one) => !packages.has(one)),
    [],
  );
});

test('its SBOM names the bundle of this commit, Node and the Debian packages of its libraries', async () => {
  const out = join(folder, 'sbom');
  await tryDocker(['build/sbom.mjs', out], { program: process.execPath });
  const bundle: Component[] = JSON.parse(await readFile(join(out, 'sbom.cdx.json'), 'utf8')).components;
  const purls = (of: readonly Component[]): string[] => of.map(({ purl }) => purl.replace(/\?.*/, '')).sort();
  const npm = components.filter(({ purl }) => purl.startsWith('pkg:npm/') && !purl.startsWith('pkg:npm/node@'));
  assert.deepEqual(purls(npm), purls(bundle));
  assert.ok(components.some(({ purl }) => /^pkg:generic\/node@\d/.test(purl)));
  assert.equal(components.filter(({ purl }) => purl.startsWith('pkg:deb/debian/')).length, 4);
});

test('each part of it has a licence that is allowed, and its text', async () => {
  for (const { name, group, version, purl, licenses = [] } of components) {
    const place = purl.startsWith('pkg:deb/')
      ? `debian/${name}/copyright`
      : name === 'node'
        ? 'node/LICENSE'
        : `${group === undefined ? '' : `${group}/`}${name}@${version}/LICENSE`;
    const text = await readFile(join(root, 'app/licenses', place), 'utf8');
    assert.ok(text.length > 200 && /copyright|permission|licen[cs]e/i.test(text), place);
    const ids = licenses.map(({ license }) => license.id ?? '');
    if (!purl.startsWith('pkg:deb/'))
      assert.ok(ids.length > 0 && ids.every((id) => ALLOWED.has(id)), `${purl}: ${ids}`);
  }
  assert.match(await readFile(join(root, 'app/LICENSE'), 'utf8'), /^MIT License/);
});

test('signed and attested by digest it verifies, and a tampered SBOM, image or signature does not', async (context) => {
  const registry: Registry = await startRegistry();
  context.after(() => registry.stop());
  const pushed = `${registry.host}/egress:1`;
  await docker(['tag', `${NAME}:first`, pushed]);
  context.after(() => tryDocker(['rmi', pushed]));
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await docker(['push', pushed]))?.[1] ?? '';
  const image = `${registry.host}/egress@${digest}`;
  const sbom = join(root, 'app/sbom.cdx.json');
  const env = { COSIGN_PASSWORD: 'test', HOME: folder };
  const cosign = (...args: string[]): Promise<Outcome> => run('cosign', args, env);
  const done = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cosign(...args);
    assert.equal(code, 0, `cosign ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const refused = async (...args: string[]): Promise<void> =>
    assert.notEqual((await cosign(...args)).code, 0, args.join(' '));
  const sign = ['--key', 'cosign.key', '--tlog-upload=false', '--yes'];
  const check = ['--key', 'cosign.pub', '--insecure-ignore-tlog=true'];
  await done('generate-key-pair');
  await refused('verify', ...check, '--allow-http-registry', image);
  await done('sign', ...sign, '--allow-http-registry', image);
  await done('attest', ...sign, '--allow-http-registry', '--type', 'cyclonedx', '--predicate', sbom, image);
  assert.ok((await done('verify', ...check, '--allow-http-registry', image)).includes(digest));
  const attested = await done('verify-attestation', ...check, '--allow-http-registry', '--type', 'cyclonedx', image);
  const statement = JSON.parse(Buffer.from(JSON.parse(attested).payload, 'base64').toString());
  assert.deepEqual(statement.predicate, JSON.parse(await readFile(sbom, 'utf8')));
  assert.equal(`sha256:${statement.subject[0].digest.sha256}`, digest);

  await writeFile(join(folder, 'sbom.json'), await readFile(sbom));
  await done('sign-blob', ...sign, '--output-signature', 'sbom.sig', 'sbom.json');
  await done('verify-blob', ...check, '--signature', 'sbom.sig', 'sbom.json');
  const tampered = (await readFile(sbom, 'utf8')).replace('"fastify"', '"fastifi"');
  await writeFile(join(folder, 'sbom.json'), tampered);
  await refused('verify-blob', ...check, '--signature', 'sbom.sig', 'sbom.json');
  const other = `${registry.host}/egress:2`;
  await docker(['build', '--quiet', '--tag', other, '-'], { input: `FROM ${NAME}:first\nLABEL changed=yes\n` });
  context.after(() => tryDocker(['rmi', other]));
  await docker(['push', other]);
  await refused('verify', ...check, '--allow-http-registry', other);
  await refused('verify-attestation', ...check, '--allow-http-registry', '--type', 'cyclonedx', other);
});
