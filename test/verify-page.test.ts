/** The commands by which users verify a release: each is whole, and speaks of what the release workflow does. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const blocks = (page: string): string[] =>
  [...read(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
const PAGE = blocks('docs/verify.md').join('\n');
const RELEASE = read('.github/workflows/release.yml');

test('every command of README and page is something that a shell can read', () => {
  for (const text of [...blocks('README.md'), ...blocks('docs/verify.md')]) execFileSync('sh', ['-n'], { input: text });
});

test('the identity is that of the release workflow of this repository, and of no other', () => {
  const pattern = new RegExp(/^IDENTITY='(.*)'$/m.exec(PAGE)?.[1] ?? '(?!)');
  const { homepage, version } = JSON.parse(read('package.json'));
  const repository = homepage.replace('#readme', '');
  assert.match(`${repository}/.github/workflows/release.yml@refs/tags/v${version}`, pattern);
  for (const other of [
    `${repository}/.github/workflows/ci.yml@refs/tags/v1.0.0`,
    `${repository}/.github/workflows/release.yml@refs/heads/main`,
    `${repository}-evil/.github/workflows/release.yml@refs/tags/v1.0.0`,
    `https://elsewhere.example/?${repository}/.github/workflows/release.yml@refs/tags/v1`,
  ]) {
    assert.doesNotMatch(other, pattern);
  }
});

test('what is verified is what the release signs, attests and attaches', () => {
  assert.match(RELEASE, /cosign sign --yes --recursive/);
  assert.match(RELEASE, /cosign attest --yes --type cyclonedx/);
  for (const name of ['SHA256SUMS', 'SHA256SUMS.sigstore.json', 'image-digests.txt']) {
    assert.ok(RELEASE.includes(name) && read('docs/verify.md').includes(name), name);
  }
});

test('whoever rebuilds it has the BuildKit, the script and the variables of the release', () => {
  const buildkit = /moby\/buildkit:v[\d.]+/.exec(PAGE)?.[0] ?? 'none';
  assert.ok(RELEASE.includes(`image=${buildkit}`), buildkit);
  const script = read('docker/build.sh');
  for (const name of ['EGRESS_PROXY_IMAGE', 'BASE_IMAGE', 'APT_SNAPSHOT']) {
    assert.ok(PAGE.includes(`${name}=`) && RELEASE.includes(name) && script.includes(`{${name}:-`), name);
  }
  for (const text of [PAGE, RELEASE]) assert.match(text, /docker\/build\.sh[\s\S]*rewrite-timestamp=true/);
  const { version } = JSON.parse(read('package.json'));
  assert.ok(PAGE.includes(`--branch v${version} `));
});
