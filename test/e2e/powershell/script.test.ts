import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentsOf, fakeDocker, folderOf, REPOSITORY, runScript } from './powershell.js';

const BASE = { 'docker-compose.yml': 'services: {}\n' };
const OVERRIDE = readFileSync(join(REPOSITORY, 'compose.override.yml'), 'latin1');

test('a dry run says every step and changes nothing', async (t) => {
  const stack = folderOf(t, { ...BASE, '.env': 'A=1\n' });
  const before = contentsOf(stack);
  const docker = fakeDocker(t);
  const { code, out, err } = await runScript(['-StackDir', stack, '-DryRun'], docker.env);
  assert.equal(code, 0, err);
  assert.match(out, /^ssrf-egress-block \(dry run\): stack: .*docker-compose\.yml$/m);
  assert.match(out, /copy .*compose\.override\.yml to /);
  assert.match(out, /add to .*\.env: EGRESS_PROXY_DIR='/);
  assert.match(out, /docker compose up -d --build --remove-orphans/);
  assert.match(out, /then run: docker run --rm --network TOOLS_NETWORK/);
  assert.deepEqual(contentsOf(stack), before);
  assert.ok(!docker.calls().some((call) => /^compose (up|down)|^run/.test(call)));
});

test('a set-up lays the override, starts the stack, and probes from the seat of a tool', async (t) => {
  const stack = folderOf(t, BASE);
  const docker = fakeDocker(t, { running: 'c1\n' });
  const { code, out } = await runScript(['-StackDir', stack], docker.env);
  assert.equal(code, 0);
  assert.match(out, /the table\n/);
  assert.match(out, /done: nothing is open but the proxy/);
  assert.equal(contentsOf(stack)['compose.override.yml'], OVERRIDE);
  const run = docker.calls().find((call) => call.startsWith('run '));
  assert.match(
    run ?? '',
    /^run --rm --network stack-tools -e HTTP_PROXY=http:\/\/egress-proxy:3128 .* mcp-egress-proxy probe$/,
  );
});

test('what the probe finds is exit code 1, and the set-up stays', async (t) => {
  const stack = folderOf(t, BASE);
  const { code, out } = await runScript(['-StackDir', stack], fakeDocker(t, { running: 'c1\n', probe: 1 }).env);
  assert.equal(code, 1);
  assert.match(out, /the probe found something: the table above says what is open/);
  assert.ok('compose.override.yml' in contentsOf(stack));
});

test('a probe that could not run is a failed step, not a finding', async (t) => {
  const docker = fakeDocker(t, { running: 'c1\n', probe: 125 });
  const { code, err } = await runScript(['-StackDir', folderOf(t, BASE), '-Probe'], docker.env);
  assert.equal(code, 2);
  assert.match(err, /the probe could not run: docker ended with 125/);
});

test('-Probe looks and starts nothing; without a sidecar it says so', async (t) => {
  const stack = folderOf(t, BASE);
  const docker = fakeDocker(t, { running: 'c1\n' });
  assert.equal((await runScript(['-StackDir', stack, '-Probe'], docker.env)).code, 0);
  assert.ok(!docker.calls().some((call) => call.startsWith('compose up')));
  assert.deepEqual(contentsOf(stack), BASE);
  const none = await runScript(['-StackDir', stack, '-Probe'], fakeDocker(t).env);
  assert.equal(none.code, 2);
  assert.match(none.err, /no sidecar runs in this stack/);
});

const ENV_FILES = {
  'no file': null,
  'an empty file': '',
  'lines of Unix': 'TOKEN=a\nOTHER=b\n',
  'no end of the last line': 'TOKEN=a\nLAST_SECRET=s3cret',
  'lines of Windows': 'TOKEN=a\r\nLAST=b\r\n',
  'lines of Windows, the last without an end': 'TOKEN=a\r\nLAST=b',
  'a byte order mark and an umlaut': '\xef\xbb\xbfNAME=\xc3\xbc\n',
} as const;

for (const [what, env] of Object.entries(ENV_FILES)) {
  test(`.env with ${what}: a line is added, none is broken, and -Remove restores every byte`, async (t) => {
    const stack = folderOf(t, BASE);
    const path = join(stack, '.env');
    if (env !== null) writeFileSync(path, env, 'latin1');
    const before = contentsOf(stack);
    const docker = fakeDocker(t, { running: 'c1\n' });
    assert.equal((await runScript(['-StackDir', stack], docker.env)).code, 0);
    const written = readFileSync(path, 'latin1');
    assert.ok(written.startsWith(env ?? ''));
    const added = written.slice((env ?? '').length).trim();
    assert.match(
      added,
      /^EGRESS_PROXY_DIR='[^']+' # written by ssrf-egress-block\.ps1( after a line without an end)?$/,
    );
    const again = await runScript(['-StackDir', stack], docker.env);
    assert.deepEqual([again.code, readFileSync(path, 'latin1')], [0, written], 'a second run adds nothing');
    assert.equal((await runScript(['-StackDir', stack, '-Remove'], docker.env)).code, 0);
    assert.deepEqual(contentsOf(stack), env === '' ? { ...BASE } : before);
  });
}

const REFUSED: readonly (readonly [what: string, files: Readonly<Record<string, string>>, said: RegExp])[] = [
  ['an override of its own', { 'compose.override.yml': '# mine\n' }, /is there already and is not ours/],
  ['another override', { 'docker-compose.override.yml': '# mine\n' }, /Compose would not read both/],
  [
    'COMPOSE_FILE in .env',
    { '.env': 'COMPOSE_FILE=docker-compose.yml;gpu.yml\n' },
    /COMPOSE_FILE is set: add compose\.override\.yml/,
  ],
];

for (const [what, files, said] of REFUSED) {
  test(`a stack with ${what} is left as it is`, async (t) => {
    const stack = folderOf(t, { ...BASE, ...files });
    const before = contentsOf(stack);
    const docker = fakeDocker(t);
    const { code, err } = await runScript(['-StackDir', stack], docker.env);
    assert.equal(code, 2);
    assert.match(err, said);
    assert.deepEqual(contentsOf(stack), before);
    assert.ok(!docker.calls().some((call) => /^compose (up|down)/.test(call)));
  });
}

test('an engine that is down and a Compose that is too old stop it before anything is changed', async (t) => {
  const stack = folderOf(t, BASE);
  const down = await runScript(['-StackDir', stack], fakeDocker(t, { version: 1 }).env);
  assert.deepEqual([down.code, contentsOf(stack)], [2, BASE]);
  assert.match(down.err, /docker version .* ended with 1/);
  const old = await runScript(['-StackDir', stack], fakeDocker(t, { compose: '2.20.3' }).env);
  assert.deepEqual([old.code, contentsOf(stack)], [2, BASE]);
  assert.match(old.err, /Compose 2\.20\.3 is too old: 2\.24\.4 or newer is needed/);
});

test('where the stack does not start, its files are as before: down if it was down, up again if it was up', async (t) => {
  for (const [running, last] of [
    ['', 'compose down --remove-orphans'],
    ['c1\n', 'compose up -d --remove-orphans'],
  ] as const) {
    const stack = folderOf(t, { ...BASE, '.env': 'TOKEN=a' });
    const before = contentsOf(stack);
    const docker = fakeDocker(t, { running, up: 17 });
    const { code, err, out } = await runScript(['-StackDir', stack], docker.env);
    assert.equal(code, 2);
    assert.match(err, /docker compose ended with 17/);
    assert.match(out, /a step failed: the files are put back/);
    assert.deepEqual(contentsOf(stack), before);
    assert.equal(docker.calls().at(-1), last);
  }
});

test('a folder without a compose file is named, with the names that were looked for', async (t) => {
  const { code, err } = await runScript(['-StackDir', folderOf(t, {})], fakeDocker(t).env);
  assert.equal(code, 2);
  assert.match(
    err,
    /has no compose file \(compose\.yaml, compose\.yml, docker-compose\.yml, docker-compose\.yaml\): give -StackDir/,
  );
});
