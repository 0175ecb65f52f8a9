/** `.ci/tests`: the end of a long output says which tests failed, for someone who sees no more than that. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../.ci/tests', import.meta.url));

const FAILING = `
import { equal, deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
test('the outer one', (t) => t.test('the inner one', () => equal('seen', 'wanted')));
test('the long one', () => deepEqual(Array.from({ length: 900 }, String), []));
for (let n = 0; n < 500; n++) test('a good one', () => {});
`;
const DYING = `
console.error('last words');
process.exit(3);
`;
const PASSING = `
import { test } from 'node:test';
test('a good one', () => {});
`;

interface Run {
  readonly status: number | null;
  /** From the line that begins the summary; empty without one. */
  readonly summary: readonly string[];
}

/** The script's run of files with these texts. */
function run(reporter: string, ...texts: readonly string[]): Run {
  const folder = mkdtempSync(join(tmpdir(), 'failing-tests-'));
  try {
    const files = texts.map((text, n) => {
      const file = join(folder, `${n}.test.mjs`);
      writeFileSync(file, text);
      return file;
    });
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const node = [process.execPath, '--test', `--test-reporter=${reporter}`, ...files];
    const { status, stdout } = spawnSync(SCRIPT, [join(folder, 'log'), ...node], { encoding: 'utf8', env });
    const lines = stdout.trimEnd().split('\n');
    const start = lines.findIndex((line) => line.startsWith('== failed'));
    return { status, summary: start < 0 ? [] : lines.slice(start) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const reporter of ['tap', 'spec'])
  test(`the last 200 lines of a failed run name every failure and its cause (${reporter})`, () => {
    const { status, summary } = run(reporter, FAILING, DYING);
    assert.equal(status, 1);
    assert.ok(summary.length > 0 && summary.length <= 200, String(summary.length));
    const text = summary.join('\n');
    for (const said of ['the outer one', 'the inner one', 'the long one', "'wanted'", '1.test.mjs', 'last words'])
      assert.ok(text.includes(said), `${said} in\n${text}`);
    assert.ok(!text.includes('a good one'));
    assert.match(summary.slice(-5).join('\n'), /^\S+ tests \d+\n\S+ pass 500\n\S+ fail 4\n/);
  });

test('a run that passed ends as its suite does', () => {
  assert.deepEqual(run('tap', PASSING), { status: 0, summary: [] });
});
