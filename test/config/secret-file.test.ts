import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatConfigErrors, loadConfig } from '../../proxy/config/load.js';
import { watchConfig } from '../../proxy/config/watch.js';
import { configFile } from './fixture.js';

const CLIENT = `version: 1
clients: [{ name: github, token: "\${file:secrets/github}" }, { name: two, token: '\${file:secrets/two:-of-the-default}' }]
`;

/** A configuration with a folder of secrets beside it. */
function withSecrets(t: TestContext, text: string, secrets: Readonly<Record<string, string>>) {
  const path = configFile(t, text);
  const folder = join(dirname(path), 'secrets');
  mkdirSync(folder);
  for (const [name, value] of Object.entries(secrets)) writeFileSync(join(folder, name), value);
  return { path, secret: (name: string) => join(folder, name) };
}

test('a value comes from a file, without its last line end, and from the default if there is no file', (t) => {
  const { path, secret } = withSecrets(t, CLIENT, { github: 'of-the-file\r\n' });
  const loaded = loadConfig({ path, env: {} });
  assert.ok(loaded.ok);
  assert.deepEqual(
    loaded.config.clients.map(({ token }) => token),
    ['of-the-file', 'of-the-default'],
  );
  assert.deepEqual(loaded.files, [secret('github'), secret('two')]);
});

test('a file that cannot be read is named with its line, and is still one to look at', (t) => {
  const { path, secret } = withSecrets(t, CLIENT, {});
  const loaded = loadConfig({ path, env: {} });
  assert.ok(!loaded.ok);
  const text = formatConfigErrors(loaded.errors);
  assert.match(text, /^line 2: clients\[0\]\.token: got \$\{file:secrets\/github\}, which cannot be read \(ENOENT\)/);
  assert.ok(loaded.files.includes(secret('github')));
});

test('no error quotes what a secret file holds', (t) => {
  const secret = 'not a token because of its spaces';
  const { path } = withSecrets(t, `${CLIENT}policy: { mode: "\${file:secrets/github}" }\n`, { github: secret });
  const loaded = loadConfig({ path, env: {} });
  assert.ok(!loaded.ok);
  const text = formatConfigErrors(loaded.errors);
  assert.match(text, /clients\[0\]\.token: got \(not shown\)/);
  assert.match(text, /policy\.mode: got \(not shown\)/);
  assert.ok(!text.includes(secret));
});

test('a file that is no text, or too large for a secret, is refused', (t) => {
  for (const content of [Buffer.from([0xff, 0xfe, 0x00]), Buffer.alloc(65 * 1024, 'a')]) {
    const { path, secret } = withSecrets(t, CLIENT, {});
    writeFileSync(secret('github'), content);
    assert.equal(loadConfig({ path, env: {} }).ok, false);
  }
});

test('next needs a token beside it, and no other client has it; at the end of a rotation it is the token', (t) => {
  const same = 'version: 1\nclients: [{ name: a, token: t1, next: t1 }]\n';
  assert.ok(loadConfig({ path: configFile(t, same), env: {} }).ok);
  const wrong = [
    ['clients: [{ name: a, address: 10.0.0.1/32, next: n1 }]', /clients\[0\]\.next: .* a token beside it/],
    ['clients: [{ name: a, token: t1, next: t2 }, { name: b, token: t2 }]', /clients\[1\]\.token: .* a unique token/],
    ['admin: { next: n1 }', /admin\.next: .* a token beside it/],
  ] as const;
  for (const [text, expected] of wrong) {
    const loaded = loadConfig({ path: configFile(t, `version: 1\n${text}\n`), env: {} });
    assert.ok(!loaded.ok);
    assert.match(formatConfigErrors(loaded.errors), expected);
    assert.ok(!/got "?(?:t1|t2|n1)/.test(formatConfigErrors(loaded.errors)));
  }
});

test('a changed, a removed and a restored secret are reported, and so are those of a changed configuration', async (t) => {
  const { path, secret } = withSecrets(t, CLIENT, { github: 'one', two: 'two', three: 'three' });
  const seen = new EventEmitter();
  let others = [secret('github')];
  const watch = watchConfig({ path, others: () => others, intervalMs: 5, onChange: () => seen.emit('change') });
  const alive = setInterval(() => {}, 1000);
  t.after(() => {
    watch.close();
    clearInterval(alive);
  });
  const steps: readonly (() => void)[] = [
    () => writeFileSync(secret('github'), 'another'),
    () => rmSync(secret('github')),
    () => writeFileSync(secret('github'), 'a third'),
    () => {
      others = [secret('three')];
      writeFileSync(path, `${CLIENT}# now of another file\n`);
    },
    () => writeFileSync(secret('three'), 'new'),
  ];
  for (const step of steps) {
    const changed = once(seen, 'change', { signal: AbortSignal.timeout(240_000) });
    step();
    await changed;
  }
});

test('a secret of more lines than one is a mistake with its place, and one line end at most is taken off', (t) => {
  for (const content of ['one\ntwo', 'one\n\n', 'one\r\ntwo\r\n', '\none']) {
    const { path } = withSecrets(t, CLIENT, { github: content });
    const loaded = loadConfig({ path, env: {} });
    assert.ok(!loaded.ok, JSON.stringify(content));
    const text = formatConfigErrors(loaded.errors);
    assert.match(
      text,
      /^line 2: clients\[0\]\.token: got \(not shown, more than one line\), expected a secret of visible/,
    );
    assert.doesNotMatch(text, /one\b(?! line)|two/);
  }
});

test('one that is too large says so, and is not read to its end', (t) => {
  const { path } = withSecrets(t, 'version: 1\nclients: [{ name: a, token: "${file:/dev/zero}" }]\n', {});
  const { path: large } = withSecrets(t, CLIENT, { github: 'a'.repeat(65 * 1024) });
  for (const [at, expected] of [
    [path, /got \$\{file:\/dev\/zero\}, which cannot be read \(no file\)/],
    [large, /which cannot be read \(larger than 64 KiB\)/],
  ] as const) {
    const loaded = loadConfig({ path: at, env: {} });
    assert.ok(!loaded.ok);
    assert.match(formatConfigErrors(loaded.errors), expected);
  }
});

test('a pipe and a folder are no secret: nobody waits for what may never be written', async (t) => {
  const { path, secret } = withSecrets(t, CLIENT, {});
  assert.equal(spawnSync('mkfifo', [secret('github')]).status, 0);
  const loaded = loadConfig({ path, env: {} });
  assert.ok(!loaded.ok);
  assert.match(formatConfigErrors(loaded.errors), /which cannot be read \(no file\)/);
  const watch = watchConfig({
    path,
    others: () => loaded.files,
    intervalMs: 5,
    onChange: () => assert.fail('a change'),
  });
  t.after(() => watch.close());
  watch.seen();
  rmSync(secret('github'));
  mkdirSync(secret('github'));
  const again = loadConfig({ path, env: {} });
  assert.ok(!again.ok);
});

/** As a kubelet does it: a folder for each version, `..data` that leads to one, and files that lead through it. */
function project(folder: string, version: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, version));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, version, name), text);
  symlinkSync(version, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

test('a Secret that a kubelet replaces is a change, and its new value counts', async (t) => {
  const { path, secret } = withSecrets(t, 'version: 1\nclients: [{ name: a, token: "${file:secrets/token}" }]\n', {});
  const folder = dirname(secret('token'));
  project(folder, '..2026_11_26_1', { token: 'first\n' });
  symlinkSync(join('..data', 'token'), secret('token'));
  const token = (): string | null | undefined => {
    const loaded = loadConfig({ path, env: {} });
    return loaded.ok ? loaded.config.clients[0]?.token : undefined;
  };
  assert.equal(token(), 'first');
  const seen = new EventEmitter();
  const watch = watchConfig({
    path,
    others: () => [secret('token')],
    intervalMs: 5,
    onChange: () => seen.emit('change'),
  });
  const alive = setInterval(() => {}, 1000);
  t.after(() => {
    watch.close();
    clearInterval(alive);
  });
  const changed = once(seen, 'change', { signal: AbortSignal.timeout(240_000) });
  project(folder, '..2026_11_26_2', { token: 'second\n' });
  rmSync(join(folder, '..2026_11_26_1'), { recursive: true });
  await changed;
  assert.equal(token(), 'second');
});
