/** Who can read the files that hold secrets. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withFiles } from './audit.js';
import { gitIndex } from './git-index.js';
import { runAudit } from './run.js';
import { hardened } from './stack.js';

interface Found {
  readonly id: string;
  readonly severity: string;
  readonly message: string;
  readonly fix: { readonly sh: readonly string[] };
}

/** What fails of the checks of files, after `change` of the folder of a hardened stack. */
function found(change: (folder: string) => void, data = 'data'): Promise<readonly Found[]> {
  return withFiles(hardened(), async (folder) => {
    change(folder);
    const args = ['--no-engine', '--env', join(folder, '.env'), '--data', join(folder, data), '--format', 'json'];
    const { out, err } = await runAudit([...args, '--only', 'env-file-readable,openclaw-file-open']);
    assert.equal(err, '');
    return JSON.parse(out).findings.filter(({ status }: { status: string }) => status === 'fail');
  });
}

test('.env may be read by its owner and its group, openclaw.json by its owner', async () => {
  assert.deepEqual(await found((folder) => chmodSync(join(folder, '.env'), 0o640)), []);
  for (const mode of [0o644, 0o660, 0o604]) {
    const [one, ...others] = await found((folder) => chmodSync(join(folder, '.env'), mode));
    assert.deepEqual([one?.id, one?.severity, others.length], ['env-file-readable', 'medium', 0], mode.toString(8));
    assert.match(one?.fix.sh[0] ?? '', /^chmod 600 .*\.env$/);
  }
  const [open] = await found((folder) => chmodSync(join(folder, 'data/openclaw/openclaw.json'), 0o640));
  assert.equal(open?.id, 'openclaw-file-open');
});

test('a file that Git tracks is critical, and has to be rotated as well', async () => {
  const track = (folder: string): void => {
    mkdirSync(join(folder, '.git'));
    writeFileSync(join(folder, '.git', 'index'), gitIndex(2, ['.env', 'data/openclaw/openclaw.json']));
  };
  const both = await found(track);
  assert.deepEqual(
    both.map(({ id, severity }) => [id, severity]),
    [
      ['env-file-readable', 'critical'],
      ['openclaw-file-open', 'critical'],
    ],
  );
  assert.match(both[0]?.fix.sh[0] ?? '', /^git rm --cached .*\.env$/);
});

test('a folder that is synchronised to a cloud is no place for openclaw.json', async () => {
  const move = (folder: string): void => {
    mkdirSync(join(folder, 'OneDrive - Home'));
    renameSync(join(folder, 'data'), join(folder, 'OneDrive - Home', 'data'));
  };
  const [one] = await found(move, 'OneDrive - Home/data');
  assert.match(one?.message ?? '', /is in a folder that is synchronised to a cloud/);
});

test('a .env without secrets may be read by everyone', () =>
  withFiles({ ...hardened(), env: { COMPOSE_PROFILES: 'gpu' }, envMode: 0o644 }, async (folder) => {
    const { code, out } = await runAudit(['--no-engine', '--env', join(folder, '.env'), '--only', 'env-file-readable']);
    assert.equal(code, 0);
    assert.match(out, /1 passed, 0 failed/);
  }));
