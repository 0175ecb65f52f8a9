/** A Node that is too old says so itself, in one sentence: what it loads first must be code that it can parse. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { plainEnv } from './plain-env.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));
const FAKE = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:process.env.FAKE_NODE})';

function onNode(version: string, ...argv: string[]) {
  const env = plainEnv({ FAKE_NODE: version });
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', FAKE, MAIN, ...argv], {
    encoding: 'utf8',
    env,
  });
  return [status, stdout, stderr];
}

test('a Node older than 20.19 ends with one sentence, whatever the command', () => {
  for (const version of ['12.22.12', '18.20.8', '20.18.3'])
    for (const argv of [['--version'], ['serve'], ['check', 'a.test'], ['no-such-command']])
      assert.deepEqual(onNode(version, ...argv), [
        1,
        '',
        `egress-proxy: needs Node 20.19 or newer; this is ${version}\n`,
      ]);
});

test('the oldest supported Node, and newer ones, get an answer', () => {
  for (const version of ['20.19.0', '22.0.0', '30.1.2'])
    assert.deepEqual(onNode(version, '--version').slice(0, 3).at(0), 0, version);
});

test('what is parsed before the first line runs has no syntax that Node 12 does not know', async () => {
  const files = loadedAtOnce(MAIN);
  assert.ok(files.size >= 1);
  for (const file of files) {
    const code = readFileSync(file, 'utf8');
    const options = { minifyWhitespace: true } as const;
    const [old, now] = await Promise.all(
      ['node12.20', 'esnext'].map((target) => transform(code, { ...options, target })),
    );
    assert.equal(old?.code, now?.code, file);
  }
});

/** The file, and what of the bundle it imports by a statement. */
function loadedAtOnce(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(
    /(?:^|[;\n])\s*import\s*(?:[^'"();]*from\s*)?["'](\.[^"']+)["']/g,
  ))
    loadedAtOnce(fileURLToPath(new URL(path, `file://${file}`)), seen);
  return seen;
}
