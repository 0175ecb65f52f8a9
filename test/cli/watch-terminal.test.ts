import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Instance, LISTEN, request, startInstance } from './instance.js';
import { atTerminal, noTerminal, type Terminal } from './terminal.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));
const POLICY = `${LISTEN}policy: { default: none }\nclients: [{ name: github, token: 0123456789abcdef }]\n`;
const GITHUB = 'github:0123456789abcdef';
const LIMIT = { timeout: 240_000, skip: noTerminal };

interface Watched {
  readonly instance: Instance;
  readonly terminal: Terminal;
  readonly state: string;
  grants(): Promise<{ readonly effect: string; readonly host: string; readonly client: string | null }[]>;
}

async function watched(t: TestContext): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-watch-'));
  t.after(() => rm(folder, { recursive: true }));
  const env = { EGRESS_STATE: join(folder, 'state') };
  const instance = await startInstance(t, POLICY, env);
  const path = join(folder, 'policy.yaml');
  await writeFile(path, `version: 1\nlisten: { admin: "${new URL(instance.admin).host}" }\n`);
  const terminal = await atTerminal(t, [process.execPath, MAIN, 'watch', '--config', path], env);
  await terminal.shows(/q: quit/);
  return {
    instance,
    terminal,
    state: env.EGRESS_STATE,
    async grants() {
      const { grants } = (await (await fetch(`${instance.admin}/v1/grants`)).json()) as { grants: [] };
      return grants;
    },
  };
}

test('at a terminal the keys choose a row, allow and block it, and q gives the terminal back', LIMIT, async (t) => {
  const { instance, terminal, grants } = await watched(t);
  await request(instance.proxy, 'http://a.example/', GITHUB);
  await terminal.shows(/> deny {2}github +a\.example:80 host-not-allowed/);
  await request(instance.proxy, 'http://b.example:81/');
  await terminal.shows(/> deny {2}github +a\.example:80 .*\s+deny {2}127\.0\.0\.1 +b\.example:81/);
  // Several keys in one read: down, up, allow.
  terminal.type('\x1b[B\x1b[Aa');
  await terminal.shows(/allow: a\.example:80 for github, 10m/);
  terminal.type('jb');
  await terminal.shows(/> block 127\.0\.0\.1 +b\.example:81/);
  assert.deepEqual(
    (await grants()).map(({ effect, host, client }) => [effect, host, client]),
    [
      ['allow', 'a.example', 'github'],
      ['block', 'b.example', null],
    ],
  );
  terminal.type('q');
  await terminal.shows(/\x1b\[\?25h\x1b\[\?1049l[\s\S]*\[ icanon\]/);
  assert.equal(await terminal.ended(), 0);
});

test('what comes while a hand is on the keys moves no other row under it', LIMIT, async (t) => {
  const { instance, terminal, grants } = await watched(t);
  await request(instance.proxy, 'http://meant.example/');
  await terminal.shows(/> deny .*meant\.example/);
  for (let i = 0; i < 30; i++) await request(instance.proxy, `http://other${i}.example/`);
  await terminal.shows(/meant\.example[^>]*other0\.example/);
  terminal.type('a');
  await terminal.shows(/allow: meant\.example:80/);
  assert.deepEqual(
    (await grants()).map(({ host }) => host),
    ['meant.example'],
  );
});

test('a smaller window is drawn again, no line is wider than it, and the chosen row is in it', LIMIT, async (t) => {
  const { instance, terminal } = await watched(t);
  for (let i = 0; i < 20; i++) await request(instance.proxy, `http://host${i}.example/`);
  await terminal.shows(/host8\.example/);
  terminal.type('G');
  // The newest that has come by now.
  await terminal.shows(/> deny .*host(?:8|9|1\d)\.example/);
  terminal.resize(6, 34);
  // Of six lines at most: one for the larger window may come yet, and by halves.
  const drawn = await terminal.shows(
    /\x1b\[2J\x1b\[H(?:[^\x1b\r\n]*\r?\n){0,5}up down end: choose {2}a: allow 10 m(?![^\x1b\r\n])/,
  );
  const lines = drawn.slice('\x1b[2J\x1b[H'.length).split(/\r?\n/);
  assert.ok(
    lines.every((line) => line.length <= 34),
    drawn,
  );
  assert.match(drawn, /> deny/);
});

test(
  'a name that a client made up, and a reason that a person gave, move nothing on the terminal',
  LIMIT,
  async (t) => {
    const { instance, terminal, state } = await watched(t);
    await request(instance.proxy, 'http://a.example/');
    await terminal.shows(/a\.example/);
    for (const host of ['x\x1b[31mred', '\x9b2Jx', '\x07bell', 'a\u202eb'])
      await request(instance.proxy, `http://${encodeURI(host)}.example/`).catch(() => 0);
    const token = (await readFile(join(state, 'admin-token'), 'utf8')).trim();
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ effect: 'allow', host: 'a.example', why: '\x1b[31m' });
    assert.equal((await fetch(`${instance.admin}/v1/grants`, { method: 'POST', headers, body })).status, 400);
    await request(instance.proxy, 'http://last.example/');
    await terminal.shows(/last\.example/);
    // What the screen itself says: another screen, the cursor, clear.
    const said = terminal.written.replace(/\x1b\[(?:\?1049[hl]|\?25[hl]|2J|H)/g, '');
    assert.doesNotMatch(said, /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]/);
  },
);

test('a private address is not allowed by one key, and the screen says what is', LIMIT, async (t) => {
  const { instance, terminal, grants } = await watched(t);
  await request(instance.proxy, 'http://10.1.2.3/');
  await terminal.shows(/10\.1\.2\.3/);
  terminal.type('a');
  await terminal.shows(/a private destination/);
  assert.deepEqual(await grants(), []);
});

test('where the instance ends, so does the watch, with the terminal as it was', LIMIT, async (t) => {
  const { instance, terminal } = await watched(t);
  const ended = once(instance.child, 'exit');
  instance.child.kill('SIGTERM');
  await terminal.shows(/\x1b\[\?25h\x1b\[\?1049l[\s\S]*\[ icanon\]/);
  assert.equal(await terminal.ended(), 4);
  await ended;
});

test('the address of the page is printed once to a terminal, with the token, and to no pipe', LIMIT, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'egress-watch-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, POLICY);
  const env = { EGRESS_STATE: join(folder, 'state') };
  const terminal = await atTerminal(t, [process.execPath, MAIN, 'serve', '--config', path], env);
  const told = await terminal.shows(/http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}/);
  await terminal.shows(/ready|listening/);
  const token = (await readFile(join(folder, 'state', 'admin-token'), 'utf8')).trim();
  assert.ok(told.endsWith(token));
  const { status, headers } = await fetch(told, { redirect: 'manual' });
  assert.equal(status, 303);
  assert.match(headers.get('location') ?? '', /^\/#key=[0-9a-f]{64}$/);
  terminal.type('\x03');
  assert.equal(await terminal.ended(), 0);
  assert.equal(terminal.written.split(token).length, 2, 'once');
  const piped = await startInstance(t, POLICY, env);
  assert.doesNotMatch(piped.log.join('\n'), new RegExp(token));
});
