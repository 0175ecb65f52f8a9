/** Which files Git tracks, by indexes of the versions that it writes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isTracked } from '../../proxy/audit/facts/git-index.js';
import { gitIndex as index } from './git-index.js';

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
