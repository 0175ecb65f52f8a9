/** Which files Git tracks, by indexes of the versions that it writes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isTracked } from '../../proxy/audit/facts/git-index.js';

/** gitformat-index: names in order; from version 4 on each without what it has in common with the one before. */
function index(version: 2 | 3 | 4, names: readonly string[]): Buffer {
  const head = Buffer.alloc(12);
  head.write('DIRC');
  head.writeUInt32BE(version, 4);
  head.writeUInt32BE(names.length, 8);
  const entries = names.map((name, i) => entry(version, name, names[i - 1] ?? ''));
  return Buffer.concat([head, ...entries, Buffer.alloc(20)]);
}

function entry(version: 2 | 3 | 4, name: string, before: string): Buffer {
  const fields = Buffer.alloc(version === 3 ? 64 : 62, 7);
  fields.writeUInt16BE(version === 3 ? 0x4000 : 0, 60);
  if (version === 4) {
    const same = [...name].findIndex((char, i) => char !== before[i]);
    const drop = before.length - same;
    const offset = drop < 128 ? [drop] : [0x80 | ((drop >> 7) - 1), drop & 0x7f];
    return Buffer.concat([fields, Buffer.from(offset), Buffer.from(`${name.slice(same)}\0`)]);
  }
  const length = fields.length + Buffer.byteLength(name);
  return Buffer.concat([fields, Buffer.from(name), Buffer.alloc(8 - (length % 8))]);
}

function workTree(t: TestContext, bytes: Buffer | null): string {
  const folder = mkdtempSync(join(tmpdir(), 'audit-git-'));
  t.after(() => rmSync(folder, { recursive: true }));
  if (bytes === null) return folder;
  mkdirSync(join(folder, '.git'));
  writeFileSync(join(folder, '.git', 'index'), bytes);
  return folder;
}

const NAMES = ['.env', `${'a-folder/'.repeat(30)}x`, 'data/openclaw/openclaw.json', 'stück/.env'];

for (const version of [2, 3, 4] as const) {
  test(`an index of version ${version}`, (t) => {
    const folder = workTree(t, index(version, NAMES));
    for (const name of NAMES) assert.equal(isTracked(join(folder, name)), true, name);
    for (const name of ['env', '.env.example', 'data/.env', 'x'])
      assert.equal(isTracked(join(folder, name)), false, name);
  });
}

test('a linked work tree has its index elsewhere', (t) => {
  const folder = workTree(t, index(2, NAMES));
  const linked = join(folder, 'linked');
  mkdirSync(linked);
  writeFileSync(join(linked, '.git'), `gitdir: ${join(folder, '.git')}\n`);
  assert.equal(isTracked(join(linked, '.env')), true);
});

test('what is no index, or is cut short, tracks nothing, and ends', (t) => {
  const whole = index(4, NAMES);
  for (const bytes of [Buffer.alloc(0), Buffer.from('DIRC'), Buffer.alloc(500, 0xff), whole.subarray(0, 90)]) {
    assert.equal(isTracked(join(workTree(t, bytes), 'data/openclaw/openclaw.json')), false);
  }
});
