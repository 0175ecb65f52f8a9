import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFileSink } from '../../proxy/observe/file-sink.js';
import { decisionJson } from '../../proxy/observe/json-line.js';
import { FLUSH_INTERVAL_MS, type LineSink } from '../../proxy/observe/line-sink.js';
import { openLog } from '../../proxy/observe/open-log.js';
import { readBack } from '../../proxy/observe/read-back.js';
import { decisionRecord } from './records.js';

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'log-file-'));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

const lineOf = (i: number) => `${decisionJson(decisionRecord({ id: `r${i}` }))}\n`;
const idsOf = (records: readonly { readonly id: string }[]) => records.map(({ id }) => id);

async function written(sink: LineSink): Promise<void> {
  await sink.close(5000);
}

test('records survive a restart and are read back in their order', async (t) => {
  const path = join(folder(t), 'logs', 'decisions.log');
  for (const start of [0, 3]) {
    const sink = await openFileSink({ path, maxSizeBytes: 1 << 20, keep: 2 }, assert.fail);
    for (let i = start; i < start + 3; i++) sink.write(lineOf(i));
    await written(sink);
  }
  assert.deepEqual(idsOf(await readBack(path, 100)), ['r0', 'r1', 'r2', 'r3', 'r4', 'r5']);
  assert.deepEqual(idsOf(await readBack(path, 2)), ['r4', 'r5']);
  assert.equal(readlinkSync(path), 'decisions.1.log');
  assert.equal(readFileSync(path, 'utf8').split('\n').length, 7);
});

test('files are rotated by size, a bounded number is kept, and the link points to the newest', {
  timeout: 240_000,
}, async (t) => {
  const path = join(folder(t), 'decisions.log');
  const size = 40 * lineOf(1000).length;
  const sink = await openFileSink({ path, maxSizeBytes: size, keep: 2 }, assert.fail);
  for (let round = 0; round < 8; round++) {
    const before = readlinkSync(path);
    for (let i = 0; i < 50; i++) sink.write(lineOf(1000 + round * 50 + i));
    for await (const _ of watch(join(path, '..'), { signal: t.signal })) if (readlinkSync(path) !== before) break;
  }
  await written(sink);
  const files = readdirSync(join(path, '..')).filter((name) => /^decisions\.\d+\.log$/.test(name));
  assert.ok(files.length >= 2 && files.length <= 4, files.join());
  const newest = Math.max(...files.map((name) => Number(name.split('.')[1])));
  assert.equal(newest, 9);
  assert.equal(readlinkSync(path), `decisions.${newest}.log`);
  assert.ok(files.every((name) => statSync(join(path, '..', name)).size < size * 3));
  const ids = idsOf(await readBack(path, 60));
  assert.deepEqual(
    ids,
    Array.from({ length: 60 }, (_, i) => `r${1000 + 340 + i}`),
  );
});

test('a file in the place of the link is left alone', async (t) => {
  const path = join(folder(t), 'decisions.log');
  writeFileSync(path, 'mine');
  const sink = await openFileSink({ path, maxSizeBytes: 1 << 20, keep: 1 }, assert.fail);
  sink.write(lineOf(1));
  await written(sink);
  assert.equal(readFileSync(path, 'utf8'), 'mine');
  assert.deepEqual(idsOf(await readBack(path, 5)), ['r1']);
});

test('a path that cannot be opened is an error at the start', async (t) => {
  const parent = join(folder(t), 'file');
  writeFileSync(parent, '');
  await assert.rejects(openFileSink({ path: join(parent, 'x.log'), maxSizeBytes: 1 << 20, keep: 1 }, () => {}));
});

test('what is no record is passed over, whatever it is', async (t) => {
  const path = join(folder(t), 'decisions.log');
  const good = decisionRecord({ id: 'good' });
  const lines = [
    '{"event":"decision"',
    'null',
    '[]',
    '{"event":"closed","id":"x"}',
    JSON.stringify({ ...good, id: 'two\nlines' }),
    JSON.stringify({ ...good, reason: 'no-such-reason' }),
    JSON.stringify({ ...good, client: null }),
    JSON.stringify({ ...good, host: 'x'.repeat(600) }),
    JSON.stringify({ ...good, time: 'yesterday' }),
    JSON.stringify({ ...good, more: 'than there is' }),
    '{"torn":',
  ];
  writeFileSync(join(path, '..', 'decisions.7.log'), lines.join('\n'));
  writeFileSync(join(path, '..', 'decisions.x.log'), `${JSON.stringify(good)}\n`);
  assert.deepEqual(await readBack(path, 100), [good]);
  assert.deepEqual(await readBack('/nonexistent/decisions.log', 100), []);
});

test('both outputs get the same records, and the file stays JSON where the terminal is for people', async (t) => {
  const path = join(folder(t), 'decisions.log');
  const lines: string[] = [];
  const stdout = { write: (line: string) => lines.push(line), dropped: () => 0, close: async () => {} };
  const file = { path, maxSizeBytes: 1 << 20, keep: 1 };
  const log = await openLog({ level: 'info', format: 'pretty', file }, stdout);
  const record = decisionRecord({ id: 'both' });
  log.decisions.decision(record, decisionJson(record));
  log.events.info({ event: 'listening' }, 'ready');
  await log.close(5000);
  assert.match(lines[0] ?? '', /^04:00:00\.000 deny /);
  assert.match(lines[1] ?? '', / ready\n$/);
  assert.deepEqual(idsOf(await readBack(path, 5)), ['both']);
});

test('a line is in the file long before a second is over, without another one and without an end: a process may be killed', {
  timeout: 240_000,
}, async (t) => {
  const path = join(folder(t), 'decisions.log');
  const sinkUrl = new URL('../../proxy/observe/file-sink.js', import.meta.url).href;
  const program = `
    import { openFileSink } from ${JSON.stringify(sinkUrl)};
    const sink = await openFileSink({ path: ${JSON.stringify(path)}, maxSizeBytes: 1 << 24, keep: 1 }, () => {});
    process.on('message', (line) => sink.write(line));
    process.send('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  for (let i = 0; i < 40; i++) {
    const events = watch(join(path, '..'), { signal: t.signal });
    const seen = (async () => {
      for await (const _ of events) if (readFileSync(path, 'utf8').endsWith(lineOf(i))) return;
    })();
    child.send(lineOf(i));
    await seen;
  }
  assert.ok(FLUSH_INTERVAL_MS < 1000);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const ids = idsOf(await readBack(path, 10_000));
  assert.deepEqual(
    ids,
    Array.from({ length: 40 }, (_, i) => `r${i}`),
  );
});
