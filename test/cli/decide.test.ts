import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { placeOf } from '../../proxy/cli/decide.js';
import { WatchList } from '../../proxy/cli/watch-list.js';
import { type Instance, LISTEN, request, startInstance } from './instance.js';
import { plainEnv } from './plain-env.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));
const POLICY = `${LISTEN}policy: { default: none }\nclients: [{ name: github, token: 0123456789abcdef }]\n`;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command beside the instance, as `docker exec` runs it. */
async function stand(
  t: TestContext,
): Promise<{ instance: Instance; state: string; run(...argv: string[]): Promise<Ran> }> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-decide-'));
  t.after(() => rm(folder, { recursive: true }));
  const state = join(folder, 'state');
  const instance = await startInstance(t, POLICY, { EGRESS_STATE: state });
  const path = join(folder, 'policy.yaml');
  await writeFile(path, `version: 1\nlisten: { admin: "${new URL(instance.admin).host}" }\n`);
  const run = async (...argv: string[]): Promise<Ran> => {
    const child = spawn(process.execPath, [MAIN, ...argv, '--config', path], {
      env: plainEnv({ EGRESS_STATE: state }),
    });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code, out, err };
  };
  return { instance, state, run };
}

test('a command allows for a while, lists, blocks, pauses and revokes, with the token that the instance has made', async (t) => {
  const { instance, state, run } = await stand(t);
  assert.equal((await stat(join(state, 'admin-token'))).mode & 0o777, 0o600);
  const allowed = await run('allow', '93.184.216.34:80', '--client', 'github', '--for', '10m', '--json');
  assert.equal(allowed.code, 0, allowed.err);
  const { grant } = JSON.parse(allowed.out);
  assert.deepEqual([grant.address, grant.ports, grant.client, grant.by], ['93.184.216.34', [80], 'github', 'command']);
  assert.match((await run('grants')).out, /93\.184\.216\.34:80 for github until/);
  assert.equal((await run('pause', 'github')).code, 0);
  assert.equal(await request(instance.proxy, 'http://93.184.216.34/', 'github:0123456789abcdef'), 403);
  assert.match((await run('resume', 'github')).out, /resumed/);
  assert.match((await run('resume', 'github')).out, /not paused/);
  assert.match((await run('block', 'evil.test', '--for', '1h')).out, /block evil\.test for all/);
  assert.equal((await run('revoke', grant.id)).code, 0);
  const gone = await run('revoke', grant.id);
  assert.deepEqual([gone.code, gone.err.includes('No such grant')], [1, true]);
  assert.ok(!instance.log.join('\n').includes((await readFile(join(state, 'admin-token'), 'utf8')).trim()));
});

test('a command reports what is against it: metadata, a private address, an unknown client, an unknown place', async (t) => {
  const { run } = await stand(t);
  const refused = await Promise.all([
    run('allow', '169.254.169.254:80', '--internal'),
    run('allow', '10.1.2.3:443', '--for', '10m'),
    run('allow', 'a.test', '--client', 'nobody'),
    run('allow', '<b>\x1b[2J</b>'),
    run('allow', 'a.test', '--for', 'soon'),
  ]);
  assert.deepEqual(
    refused.map(({ code }) => code),
    [1, 1, 1, 1, 1],
  );
  const said = refused.map(({ err }) => err);
  for (const [i, words] of [/Nothing opens this/, /--internal/, /No client/, /DNS name/, /for: got "soon"/].entries())
    assert.match(said[i] ?? '', words);
  assert.ok(!said.join('').includes('\x1b'), 'nothing that a terminal would obey');
  assert.match((await run('grants')).out, /nothing is decided/);
});

test('where no instance answers, the exit code is 4', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'egress-decide-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, 'version: 1\nlisten: { admin: "127.0.0.1:1" }\n');
  const child = spawn(process.execPath, [MAIN, 'grants', '--config', path], { env: plainEnv() });
  assert.deepEqual(await once(child, 'exit'), [4, null]);
});

test('kill -9 in the middle of writing grants leaves a state file that is whole, and they are in force after a restart', async (t) => {
  const { instance, state } = await stand(t);
  const token = (await readFile(join(state, 'admin-token'), 'utf8')).trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const made: string[] = [];
  const write = async (i: number): Promise<void> => {
    const body = JSON.stringify({ effect: 'allow', host: `h${i}.test`, for: '1h' });
    const response = await fetch(`${instance.admin}/v1/grants`, { method: 'POST', headers, body }).catch(() => null);
    if (response?.status === 201) made.push(`h${i}.test`);
  };
  await Promise.all([0, 1, 2, 3].map(write));
  const ended = once(instance.child, 'exit');
  const writing = Array.from({ length: 40 }, (_, i) => write(i + 4));
  await Promise.race(writing);
  instance.child.kill('SIGKILL');
  await Promise.all([ended, ...writing]);
  const kept: unknown = JSON.parse(await readFile(join(state, 'grants.json'), 'utf8'));
  const hosts = (kept as { grants: { host: string }[] }).grants.map(({ host }) => host);
  for (const host of made) assert.ok(hosts.includes(host), `${host} was answered, and is kept`);
  const again = await startInstance(t, POLICY, { EGRESS_STATE: state });
  const listed = await fetch(`${again.admin}/v1/grants`);
  assert.equal(((await listed.json()) as { grants: unknown[] }).grants.length, hosts.length);
});

test('a broken state file: an error that says so, the policy file alone in force, and the file kept aside', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'egress-decide-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'grants.json'), '{"version":1,"grants":[{"id"');
  const instance = await startInstance(t, POLICY, { EGRESS_STATE: folder });
  const broken = instance.log.find((line) => line.includes('"event":"state-broken"')) ?? assert.fail();
  assert.match(broken, /"level":"error"/);
  assert.equal(await readFile(JSON.parse(broken).kept, 'utf8'), '{"version":1,"grants":[{"id"');
  const { grants, state } = (await (await fetch(`${instance.admin}/v1/grants`)).json()) as {
    grants: unknown[];
    state: { error: string };
  };
  assert.deepEqual(grants, []);
  assert.match(state.error, /broken/);
});

test('SIGHUP beside the watch logs one reload, and one that changes nothing logs nothing', async (t) => {
  const instance = await startInstance(t, POLICY);
  // The first signal may find the new file, too.
  const reloaded = instance.event('reloaded');
  instance.child.kill('SIGHUP');
  await instance.configure(POLICY.replace('default: none', 'default: public'));
  instance.child.kill('SIGHUP');
  await reloaded;
  instance.child.kill('SIGHUP');
  const failed = instance.event('reload-failed');
  await instance.configure('version: 2\n');
  // The watch looks twice, and by then has looked at the file before.
  await failed;
  assert.equal(instance.log.filter((line) => line.includes('"event":"reloaded"')).length, 1);
});

test('the place of a command is a host, with a port or without', () => {
  assert.deepEqual(placeOf('api.github.com'), { host: 'api.github.com' });
  assert.deepEqual(placeOf('api.github.com:443'), { host: 'api.github.com', ports: [443] });
  assert.deepEqual(placeOf('*.github.com:443'), { host: '*.github.com', ports: [443] });
  assert.deepEqual(placeOf('2606:4700::1111'), { host: '2606:4700::1111' });
  assert.deepEqual(placeOf('[2606:4700::1111]:443'), { host: '2606:4700::1111', ports: [443] });
  assert.deepEqual(placeOf('a.test:0'), { host: 'a.test:0' });
});

test('watch folds the same again into one row, keeps what fits on the screen, and shows nothing that a terminal obeys', () => {
  const list = new WatchList();
  const record = {
    event: 'decision',
    id: '1',
    outcome: 'deny',
    reason: 'host-denied',
    client: { name: 'github', address: '' },
    port: 443,
  };
  for (let i = 0; i < 400; i++) list.add({ ...record, host: 'a.test' }, new Set(['github']));
  list.add({ ...record, host: '\x1b[2Jb.test' }, new Set());
  assert.deepEqual(list.lines(10, 80), [
    '> deny  github           a.test:443 host-denied x400',
    '  deny  github           ?[2Jb.test:443 host-denied',
  ]);
  list.move(1);
  list.move(-1);
  assert.deepEqual([list.chosen?.host, list.chosen?.grantClient], ['a.test', 'github']);
  assert.equal(list.lines(1, 20)[0], '> deny  github      ');
});
