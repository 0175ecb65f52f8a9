import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHosts } from '../../proxy/core/hosts-table.js';
import { parseDnsName } from '../../proxy/core/target.js';
import { openHostsFile } from '../../proxy/net/hosts-file.js';

const printer = parseDnsName('printer');

test('names, aliases, both families and comments are read as hosts(5) says', () => {
  const table = parseHosts('10.0.0.9 nas NAS.lan # the box\nfd00::9\tnas\n# 10.0.0.1 gone\nnonsense here\n');
  assert.deepEqual(
    table.get('nas')?.map(({ text }) => text),
    ['10.0.0.9', 'fd00::9'],
  );
  assert.deepEqual(
    table.get('nas.lan')?.map(({ text }) => text),
    ['10.0.0.9'],
  );
  assert.equal(table.has('gone'), false);
  assert.equal(table.has('here'), false);
});

test('the table follows the file, and a missing file is an empty one', (t) => {
  assert.ok(printer);
  const folder = mkdtempSync(join(tmpdir(), 'hosts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'hosts');
  let now = 0;
  const hosts = openHostsFile(path, () => now);
  assert.equal(hosts.current().has(printer), false);
  writeFileSync(path, '192.168.1.7 printer\n');
  now += 1000;
  assert.deepEqual(
    hosts
      .current()
      .get(printer)
      ?.map(({ text }) => text),
    ['192.168.1.7'],
  );
  rmSync(path);
  now += 1000;
  assert.equal(hosts.current().has(printer), false);
});
