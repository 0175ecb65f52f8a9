import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { REASONS } from '../proxy/core/reasons.js';
import { main } from '../proxy/main.js';
import { repositoryFiles } from './repository-files.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = repositoryFiles(/\.md$/);

test('every link of a page to a file of this repository leads to one', () => {
  const broken = PAGES.flatMap((page) => {
    const text = readFileSync(join(ROOT, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    return targets
      .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
      .filter((target) => !existsSync(join(ROOT, dirname(page), target.replace(/#.*/, ''))))
      .map((target) => `${page}: ${target}`);
  });
  assert.deepEqual(broken, []);
});

test('what the life of a request says is in a file is declared there', () => {
  const text = readFileSync(join(ROOT, 'docs/life-of-a-request.md'), 'utf8');
  const named = [...text.matchAll(/\]\(\.\.\/(proxy\/[^)]+)\)((?:(?: and)? `\w+`)+)/g)].flatMap(
    ([, file = '', names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({ file, name })),
  );
  assert.ok(named.length >= 6);
  const missing = named.filter(
    ({ file, name }) => !new RegExp(`(?:function|const|class) ${name}\\b`).test(readFileSync(join(ROOT, file), 'utf8')),
  );
  assert.deepEqual(missing, []);
});

test('what can end a request at a step of its life is in a file of that step', () => {
  const rows = readFileSync(join(ROOT, 'docs/life-of-a-request.md'), 'utf8').match(/^\|.*\|$/gm) ?? [];
  const named = rows.flatMap((row) => {
    const [, where = '', ends = ''] = row.split(' | ');
    const files = [...where.matchAll(/\]\(\.\.\/(proxy\/[^)]+\.ts)\)/g)].map(([, file = '']) => file);
    return [...ends.matchAll(/`([a-z-]+)`/g)].map(([, reason = '']) => ({ reason, files }));
  });
  const reasons = named.filter(({ reason }) => reason in REASONS);
  assert.ok(reasons.length >= 20, String(reasons.length));
  const missing = reasons.filter(
    ({ reason, files }) => !files.some((file) => readFileSync(join(ROOT, file), 'utf8').includes(`'${reason}'`)),
  );
  assert.deepEqual(missing, []);
});

test('every heading that a link names is on its page', () => {
  const broken = PAGES.flatMap((page) => {
    const links = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)];
    return links.flatMap(([, file = '', anchor = '']) => {
      const target = file === '' ? page : join(dirname(page), file);
      return target.endsWith('.md') && !anchorsOf(target).has(anchor) ? [`${page}: ${file}#${anchor}`] : [];
    });
  });
  assert.deepEqual(broken, []);
});

test('the interface names the commands that there are, and no other', async () => {
  const rows = readFileSync(join(ROOT, 'docs/interface.md'), 'utf8').matchAll(/^\| `egress-proxy ([a-z]+)/gm);
  const documented = new Set([...rows].map(([, name]) => name));
  const said: string[] = [];
  const io = { stdin: process.stdin, stdout: (text: string) => void said.push(text), stderr: assert.fail, env: {} };
  await main(['help'], io);
  const there = [...said.join('').matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name);
  assert.deepEqual([...documented].sort(), there.sort());
});

test('decisions are numbered without a gap, and whoever cites one finds it', () => {
  const headings = readFileSync(join(ROOT, 'DECISIONS.md'), 'utf8').matchAll(/^### (?:(\d+)\. )?/gm);
  const numbers = [...headings].map(([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => i + 1),
  );
  const cited = repositoryFiles(/^(?:proxy|build|test|docker|config)\//)
    .flatMap((file) => readFileSync(join(ROOT, file), 'utf8').match(/DECISIONS \d+(?:(?:, \d+)* and \d+)?/g) ?? [])
    .join('\n');
  const missing = [...cited.matchAll(/\d+/g)].filter(([number]) => !numbers.includes(Number(number)));
  assert.deepEqual(missing.map(String), []);
});

test('the diff in CONTRIBUTING.md that adds a door still applies, or is applied', () => {
  const [, diff = ''] = /^```diff\n([\s\S]*?)^```$/m.exec(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')) ?? [];
  const [added = '', ...changed] = diff.split(/^--- a\/.*\n/m);
  const door = addedBy(added)
    .replaceAll("'../core/", "'../../proxy/core/")
    .replaceAll("'./", "'../../proxy/door/")
    .replace("name: 'line'", "name: 'connect'");
  assert.equal(door, readFileSync(join(ROOT, 'test/door/line-door.ts'), 'utf8'));
  // One word, one key, and one line with its import.
  assert.deepEqual(
    changed.map((change) => addedBy(change).trimEnd().split('\n').length),
    [1, 1, 2],
  );
  for (const change of diff.split(/^--- a\//m).slice(1)) assert.ok(appliesTo(change), change);
});

test('the README is short enough to be read', () => {
  const lines = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n').length;
  assert.ok(lines <= 181, `${lines - 1} lines: details belong in docs/`);
});

function addedBy(diff: string): string {
  const lines = diff.split('\n').filter((line) => line.startsWith('+') && !line.startsWith('+++'));
  return lines.map((line) => `${line.slice(1)}\n`).join('');
}

/** True if each hunk of a change to one file counts its lines right, and the file has its lines as they are before it or after it. */
function appliesTo(change: string): boolean {
  const [path = ''] = change.split('\n', 1);
  const file = readFileSync(join(ROOT, path), 'utf8');
  const hunks = [...change.matchAll(/^@@ -\d+,(\d+) \+\d+,(\d+) @@.*\n((?:[ +-].*\n)+)/gm)];
  return (
    hunks.length > 0 &&
    hunks.every(([, before, after, text = '']) => {
      const [old, now] = [linesOf(text, /^[ -]/), linesOf(text, /^[ +]/)];
      const isCounted = old.length === Number(before) && now.length === Number(after);
      return isCounted && [old, now].some((lines) => file.includes(`\n${lines.join('\n')}\n`));
    })
  );
}

function linesOf(hunk: string, kept: RegExp): string[] {
  const lines = hunk.split('\n').filter((line) => kept.test(line));
  return lines.map((line) => line.slice(1));
}

function anchorsOf(page: string): ReadonlySet<string> {
  const headings = readFileSync(join(ROOT, page), 'utf8').matchAll(/^#+ (.+)$/gm);
  const slug = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(' ', '-');
  return new Set([...headings].map(([, text = '']) => slug(text)));
}
