import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { suggestCommand } from '../../proxy/cli/suggest.js';
import { validateCommand } from '../../proxy/cli/validate.js';
import { decisionJson } from '../../proxy/observe/json-line.js';
import { runCommand } from '../cli/run-command.js';
import { decisionRecord } from '../observe/records.js';

/** As Windows PowerShell and Notepad write a text. */
const ENCODINGS: readonly (readonly [name: string, encode: (text: string) => Buffer])[] = [
  ['UTF-16 of PowerShell', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['UTF-16, big end first', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
  ['UTF-8 with a byte order mark', (text) => Buffer.from(`\ufeff${text}`)],
  ['UTF-8', (text) => Buffer.from(text)],
];

function fileOf(t: TestContext, bytes: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'encoding-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, bytes);
  return path;
}

for (const [name, encode] of ENCODINGS) {
  test(`a configuration and a log in ${name} are read`, async (t) => {
    const config = fileOf(t, encode('version: 1\r\npolicy: { default: none } # für\r\n'));
    assert.equal((await runCommand(validateCommand, ['--config', config])).code, 0);
    const where = { host: 'api.example.com', port: 443, addresses: ['192.0.66.1'] };
    const seen = decisionRecord({ outcome: 'allow', reason: null, rule: 'default', mode: 'report', ...where });
    const log = encode(`${decisionJson(seen)}\r\n`);
    const output = fileOf(t, Buffer.from(''));
    const { code, out, err } = await runCommand(suggestCommand, ['--output', output, fileOf(t, log)]);
    assert.deepEqual([code, out, err], [0, '', '']);
    assert.match(readFileSync(output, 'utf8'), /^[^\ufeff][\s\S]*api\.example\.com/);
  });
}

test('a configuration that is no text is an error with the encodings that are read', async (t) => {
  const { code, out } = await runCommand(validateCommand, ['--config', fileOf(t, Buffer.from([0x80, 0xff, 0x00]))]);
  assert.equal(code, 78);
  assert.match(out, /a readable YAML file in UTF-8 or UTF-16/);
});
