/** What docs/clients.md and docs/beside-squid.md claim about clients is what the tests with real clients run. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLIENTS } from './e2e/clients/contenders.js';
import { OTHERS } from './e2e/clients/documented.js';
import { REFUSED_HERE } from './e2e/clients/refused-beside-squid.js';
import { SITUATIONS } from './e2e/clients/situations.js';
import { TOOLS } from './e2e/clients/tools.js';

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

test('docs/clients.md lists exactly the clients that a test runs, and what each one needs there', () => {
  const listed = [...CLIENTS, ...TOOLS].map(({ name, needs }) => [name, needs]);
  const others = OTHERS.map(([name, needs]) => [name, needs]);
  assert.deepEqual(rowsBelow(docs('clients.md'), '| client | what it needs |'), [...others, ...listed]);
  for (const [name, , file] of OTHERS) {
    const source = readFileSync(join(import.meta.dirname, '../../test/e2e/clients', file), 'utf8');
    assert.match(source, new RegExp(`['"\`]${name}`), file);
  }
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
