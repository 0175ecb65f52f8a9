import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
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
