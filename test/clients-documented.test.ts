/** What docs/clients.md and docs/beside-squid.md claim about clients is what the tests with real clients run. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REFUSED_HERE } from './e2e/clients/refused-beside-squid.js';
import { SITUATIONS } from './e2e/clients/situations.js';

const docs = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');

test('docs/beside-squid.md lists exactly what is refused here only, and why, and the situations that are played', () => {
  const text = docs('beside-squid.md');
  assert.deepEqual(rowsBelow(text, '| case | why |'), Object.entries(REFUSED_HERE));
  const situations = text.split('\n').filter((line) => line.startsWith('- '));
  assert.deepEqual(
    situations,
    SITUATIONS.map(({ name }) => `- ${name}`),
  );
});

/** The cells of the table with this head. */
function rowsBelow(text: string, head: string): string[][] {
  const lines = text
    .slice(text.indexOf(`${head}\n`))
    .split('\n')
    .slice(2);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end).map((line) => line.slice(2, -2).split(' | '));
}
