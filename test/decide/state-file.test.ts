import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { grantRequest } from '../../proxy/admin/grant-request.js';
import { parseAddress } from '../../proxy/core/address.js';
import { parseState, readState, writeState } from '../../proxy/decide/state-file.js';
import { keptToken, openStateFolder, readToken, stateFolder } from '../../proxy/decide/state-folder.js';
import { bookStand, DECIDING, draft, stateOf } from './stand.js';

const N8N = parseAddress('172.18.0.5') ?? assert.fail();
const NOW = Date.parse('2026-01-01T00:00:00Z');

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'egress-state-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function someState() {
  const { book } = bookStand();
  book.grant(draft('api.test', { ports: [443], client: 'github', forMs: 60_000 }), {
    by: 'page',
    why: 'asked "nicely"',
  });
  book.grant(draft('192.0.2.7', { effect: 'block' }), DECIDING);
  book.grant(draft('n8n', { internal: true, ports: [5678], addresses: [N8N], once: true, from: 'abc' }), DECIDING);
  book.pause({ client: 'slack', mode: 'refuse', forMs: null }, DECIDING);
  return { grants: book.grants, pauses: book.pauses };
}

test('what is written is what is read, and nobody else can read it', (t) => {
  const folder = folderOf(t);
  const state = someState();
  writeState(folder, state);
  const { kept, broken } = readState(folder, NOW);
  assert.equal(broken, null);
  assert.deepEqual(JSON.parse(JSON.stringify(kept)), JSON.parse(JSON.stringify(state)));
  assert.equal(kept.grants[0]?.host?.matches('api.test' as never), true);
  assert.equal(statSync(join(folder, 'grants.json')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['grants.json']);
});

test('a broken file counts for nothing, and is kept aside as it was', (t) => {
  const broken = [
    '',
    '{',
    'null',
    '[]',
    '{"version":2,"grants":[],"pauses":[]}',
    '{"version":1,"grants":{},"pauses":[]}',
    '{"version":1,"grants":[{"id":"a","effect":"permit","host":"a.test","created":"2026-01-01T00:00:00Z"}],"pauses":[]}',
    '{"version":1,"grants":[{"id":"a","effect":"allow","host":"<b>","created":"2026-01-01T00:00:00Z"}],"pauses":[]}',
    '{"version":1,"grants":[{"id":"a","effect":"allow","host":"a.test","created":"soon"}],"pauses":[]}',
    '{"version":1,"grants":[],"pauses":[{"client":null,"mode":"open","created":"2026-01-01T00:00:00Z"}]}',
  ];
  for (const text of broken) {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'grants.json'), text);
    const { kept, broken: fault } = readState(folder, NOW);
    assert.deepEqual([kept.grants, kept.pauses], [[], []], text);
    const aside = fault?.kept ?? assert.fail(text);
    assert.ok(aside.startsWith(join(folder, 'grants.json.broken-')), text);
    assert.equal(readFileSync(aside, 'utf8'), text);
    assert.deepEqual(readState(folder, NOW).broken, null, 'and is not found again');
  }
});

test('one grant that cannot be read makes the whole file broken: it may have been a block', () => {
  const good = '{"id":"a","effect":"block","host":"a.test","created":"2026-01-01T00:00:00Z"}';
  const text = (second: string): string => `{"version":1,"grants":[${good},${second}],"pauses":[]}`;
  assert.equal(parseState(text(good)).grants.length, 2);
  assert.throws(() => parseState(text('{"id":"b","effect":"block","created":"2026-01-01T00:00:00Z"}')), /grants\[1\]/);
});

/** As the first versions wrote them, and the one that had addresses first. */
const OLD = {
  ...{ id: 'old', effect: 'allow', client: 'github', host: 'api.test', address: null, ports: [443], internal: false },
  ...{ once: false, created: '2026-01-01T00:00:00.000Z', expires: null, by: 'page', why: null, from: 'r1' },
  ...{ inFile: true, section: 'allow', line: '- { host: "api.test", ports: [443], clients: ["github"] }' },
};
const NEWER = { ...OLD, clientAddress: null, addresses: null };
const OLD_PAUSE = { client: null, mode: 'report', created: OLD.created, expires: OLD.created, by: 'page', why: null };

test('what every earlier version has written is read, with blocks and permissions as they were', (t) => {
  for (const one of [OLD, NEWER]) {
    const folder = folderOf(t);
    const block = { ...one, id: 'block', effect: 'block', host: null, address: '192.0.2.7', inFile: false };
    const nas = { ...one, id: 'nas', host: 'nas.test', internal: true, inFile: false };
    const text = JSON.stringify({ version: 1, grants: [one, block, nas], pauses: [OLD_PAUSE] }, null, 1);
    writeFileSync(join(folder, 'grants.json'), `${text}\n`);
    const { kept, broken } = readState(folder, NOW);
    assert.equal(broken, null);
    assert.deepEqual(
      kept.grants.map(({ id, effect, inFile, addresses }) => [id, effect, inFile, addresses]),
      [
        ['old', 'allow', true, undefined],
        ['block', 'block', false, undefined],
        ['nas', 'allow', false, []],
      ],
    );
    assert.equal(kept.pauses[0]?.mode, 'report');
    writeState(folder, kept);
    const again = JSON.stringify(readState(folder, NOW));
    assert.equal(again, JSON.stringify({ kept, broken: null }), 'and what is written now is read again');
  }
});

test('the largest state that the API can make is read again', (t) => {
  const folder = folderOf(t);
  const why = '\u4e00'.repeat(200);
  const addresses = Array.from({ length: 16 }, (_, i) => `fd00:1111:2222:3333:4444:5555:6666:${7000 + i}`);
  const place = {
    host: [63, 63, 63, 61].map((length) => 'a'.repeat(length)).join('.'),
    confirm: 'internal',
    addresses,
  };
  const ports = Array.from({ length: 32 }, (_, i) => 65_000 + i);
  const { draft: wanted } = grantRequest({
    ...{ effect: 'allow', ...place, ports, client: 'c'.repeat(64), for: '90d', from: '\u4e00'.repeat(64), why },
  });
  const { forMs: _, ...rule } = wanted;
  const rest = { id: '0123456789ab', created: NOW, expires: NOW + 1, by: 'command', why, inFile: false };
  const pause = { client: 'c'.repeat(64), mode: 'refuse', created: NOW, expires: NOW + 1, by: 'command', why } as const;
  writeState(folder, { grants: Array(500).fill({ ...rule, ...rest }), pauses: Array(500).fill(pause) });
  const { kept, broken } = readState(folder, NOW);
  assert.deepEqual([kept.grants.length, kept.pauses.length, broken], [500, 500, null]);
});

test('what lies in the way of a new state is removed, and a link there leads nowhere', (t) => {
  const [folder, elsewhere] = [folderOf(t), folderOf(t)];
  const victim = join(elsewhere, 'victim');
  writeFileSync(victim, 'as it was');
  symlinkSync(victim, join(folder, 'grants.json.new'));
  symlinkSync(victim, join(folder, '.trial'));
  assert.deepEqual(openStateFolder(folder), { folder, error: null });
  writeState(folder, someState());
  writeFileSync(join(folder, 'admin-token.new'), '', { mode: 0o666 });
  assert.match(keptToken(folder), /^[\w-]{43}$/);
  assert.equal(readFileSync(victim, 'utf8'), 'as it was');
  assert.equal(readState(folder, NOW).kept.grants.length, 3);
  assert.deepEqual(readdirSync(folder).sort(), ['admin-token', 'grants.json']);
});

test('a state that cannot be written leaves the old one whole: a folder in its way, or one that has gone', (t) => {
  const folder = folderOf(t);
  writeState(folder, someState());
  mkdirSync(join(folder, 'grants.json.new'));
  assert.throws(() => writeState(folder, { grants: [], pauses: [] }));
  assert.equal(readState(folder, NOW).kept.grants.length, 3);
  assert.throws(() => writeState(join(folder, 'gone'), { grants: [], pauses: [] }), /ENOENT/);
});

test('a file of which half was written beside the old one changes nothing', (t) => {
  const folder = folderOf(t);
  writeState(folder, someState());
  writeFileSync(join(folder, 'grants.json.new'), '{"version":1,"gra');
  assert.equal(readState(folder, NOW).kept.grants.length, 3);
  writeState(folder, { grants: [], pauses: [] });
  assert.equal(readState(folder, NOW).kept.grants.length, 0);
});

test('the token is made once, for its owner alone, and one that others could read is renewed', (t) => {
  const folder = join(folderOf(t), 'state');
  assert.deepEqual(openStateFolder(folder), { folder, error: null });
  const token = keptToken(folder);
  assert.match(token, /^[\w-]{43}$/);
  assert.equal(statSync(join(folder, 'admin-token')).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual([keptToken(folder), readToken(folder)], [token, token]);
  chmodSync(join(folder, 'admin-token'), 0o644);
  assert.equal(readToken(folder), null);
  assert.notEqual(keptToken(folder), token);
  assert.notEqual(keptToken(null), keptToken(null));
});

test('by default the state is beside the policy file; off is nowhere', () => {
  assert.equal(stateFolder(undefined, '/etc/egress/policy.yaml'), '/etc/egress/.egress-state');
  assert.equal(stateFolder('state', '/etc/egress/policy.yaml'), '/etc/egress/state');
  assert.equal(stateFolder('/var/lib/egress', '/etc/egress/policy.yaml'), '/var/lib/egress');
  assert.deepEqual(openStateFolder(stateFolder(null, '/etc/egress/policy.yaml')), { folder: null, error: null });
  assert.match(openStateFolder('/proc/nowhere').error ?? '', /cannot be written/);
});

test('killed at whatever moment, a process that writes leaves the old state or the new one', async (t) => {
  const writer = fileURLToPath(new URL('./endless-writer.js', import.meta.url));
  const counts = [1, 400];
  for (let round = 0; round < 15; round++) {
    const folder = folderOf(t);
    const child = spawn(process.execPath, [writer, folder, ...counts.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    // The writer is anywhere by now: how long this takes is random.
    for (let turns = randomInt(200); turns > 0; turns--) await new Promise(setImmediate);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const { kept, broken } = readState(folder, NOW);
    assert.equal(broken, null);
    const { length } = kept.grants;
    assert.ok(counts.includes(length), `${length} grants`);
    assert.deepEqual(JSON.parse(JSON.stringify(kept)), JSON.parse(JSON.stringify(stateOf(length))));
    writeState(folder, stateOf(2));
    assert.equal(readState(folder, NOW).kept.grants.length, 2, "and what it left beside is in nobody's way");
  }
});
