/** The image has one name, in one variable: whoever takes it from elsewhere sets EGRESS_PROXY_IMAGE, and nothing else. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { repositoryFiles } from './repository-files.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const IMAGE = '${EGRESS_PROXY_IMAGE:-mcp-egress-proxy}';
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Ours, however it is spelled: not one whose name only begins so. */
const OURS = /(?:^|\/)mcp-egress-proxy(?:[:@]|$)|EGRESS_PROXY_IMAGE/;

test('every compose file names the image by the variable', () => {
  const files = repositoryFiles(/^(?:compose[^/]*|docker\/.*|build\/install\/.*)\.yml$/);
  const named = files.flatMap((file) => {
    const root: unknown = parse(read(file), { merge: true, logLevel: 'silent' });
    const services = typeof root === 'object' && root !== null && 'services' in root ? root.services : {};
    return Object.entries(services ?? {}).flatMap(([name, service]: [string, { image?: unknown }]) =>
      typeof service?.image === 'string' && OURS.test(service.image)
        ? [{ at: `${file}: ${name}`, image: service.image }]
        : [],
    );
  });
  assert.ok(named.length >= 8, String(named.length));
  assert.deepEqual(
    named.filter(({ image }) => image !== IMAGE),
    [],
  );
});

test('every command of the pages and scripts that runs it names it so', () => {
  const blocks = repositoryFiles(/\.md$/).flatMap((page) =>
    [...read(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, text = '']) =>
      text
        .replaceAll('\\\n', ' ')
        .split('\n')
        .map((line) => `${page}: ${line}`),
    ),
  );
  const scripts = repositoryFiles(/^docker\/.*\.sh$/).flatMap((file) =>
    read(file)
      .split('\n')
      .map((line) => `${file}: ${line}`),
  );
  const lines = [...blocks, ...scripts].filter((line) => /\bdocker (?:run|build|create)\b/.test(line));
  assert.ok(lines.length > 8);
  assert.deepEqual(
    lines.filter((line) =>
      /[\s"'](?:[\w.-]+\/)*mcp-egress-proxy(?:[:@]\S*)?(?=["'\s]|$)/.test(line.replace(/ \S*-f \S+.*$/, '')),
    ),
    [],
  );
});
