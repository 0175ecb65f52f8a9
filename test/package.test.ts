/** The npm package: what runs and nothing else, without a registry to start it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './cli/plain-env.js';
import { repositoryFiles } from './repository-files.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

let folder: string;
let packed: string;
let files: readonly string[];
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  // A copy, since packing builds, and other tests run what is built.
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  for (const path of repositoryFiles(/^(?!test\/)/)) cpSync(join(ROOT, path), join(copy, path));
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  run('npm', ['pack', '--silent', '--pack-destination', folder], copy);
  const [name = ''] = readdirSync(folder).filter((entry) => entry.endsWith('.tgz'));
  packed = join(folder, name);
  const listed = execFileSync('tar', ['tzf', packed], { encoding: 'utf8' }).trim().split('\n');
  files = listed.map((path) => path.replace(/^package\//, ''));
});
after(() => rmSync(folder, { recursive: true }));

/** Nothing of this machine's npm, and no network: whatever asks for a registry fails. */
function run(program: string, args: readonly string[], cwd: string): string {
  const env = plainEnv({
    npm_config_offline: 'true',
    npm_config_cache: join(folder, 'cache'),
    npm_config_userconfig: join(folder, 'npmrc'),
    npm_config_globalconfig: join(folder, 'npmrc-of-all'),
  });
  return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

test('the package holds what runs and nothing else', () => {
  const kinds = [
    /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/,
    /^dist\/proxy\/(?:main\.js|chunks\/[\w-]+\.js|admin\/page\/[\w.-]+)$/,
    /^dist\/(?:sbom\.cdx\.json|licenses\/.+\/LICENSE)$/,
    /^build\/(?:policy\.yaml|install\/compose\.override\.yml|install\/docker\/guard\/[\w-]+\.json)$/,
    /^config\/policy\.schema\.json$/,
  ];
  assert.deepEqual(
    files.filter((file) => !kinds.some((kind) => kind.test(file))),
    [],
  );
  for (const kind of kinds)
    assert.ok(
      files.some((file) => kind.test(file)),
      String(kind),
    );
});

test('npx of the packed file starts it, and installs nothing beside it', () => {
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);
  const npx = ['--yes', '--package', packed, '--', 'egress-proxy'];
  assert.equal(run('npx', [...npx, '--version'], elsewhere).trim(), MANIFEST.version);
  assert.match(run('npx', [...npx, 'ranges'], elsewhere), /169\.254\.0\.0\/16/);
  assert.match(run('npx', [...npx, 'validate'], elsewhere), /build.policy\.yaml: valid/);
  assert.equal(MANIFEST.dependencies, undefined, 'the bundle has them');
});

test('the package says where it comes from', () => {
  assert.equal(MANIFEST.private, undefined);
  assert.match(MANIFEST.version, /^[1-9]\d*\.\d+\.\d+$/);
  assert.match(MANIFEST.repository.url, /^git\+https:\/\/.*\.git$/);
  assert.match(MANIFEST.bugs.url, /^https:\/\//);
  assert.match(MANIFEST.homepage, /^https:\/\//);
  assert.ok(MANIFEST.keywords.length > 4 && MANIFEST.files.length > 4);
  const changes = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8');
  assert.match(
    changes,
    new RegExp(`^## \\[${MANIFEST.version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm'),
  );
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  assert.deepEqual([lock.version, lock.packages[''].version], [MANIFEST.version, MANIFEST.version]);
  assert.match(
    readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8'),
    new RegExp(`^ARG VERSION=${MANIFEST.version}$`, 'm'),
  );
});
