import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { watchConfig } from '../../proxy/config/watch.js';
import { configFile } from './fixture.js';

/** Each change is noted with what the file held at that time. */
function watched(t: TestContext, text: string) {
  const path = configFile(t, text);
  const changes = new EventEmitter();
  const seen: string[] = [];
  const onChange = () => {
    seen.push(contentOf(path));
    changes.emit('change');
  };
  const watch = watchConfig({ path, intervalMs: 5, onChange });
  // The watch keeps no process alive, so that something else has to while the test waits.
  const alive = setInterval(() => {}, 1000);
  t.after(() => {
    watch.close();
    clearInterval(alive);
  });
  return { path, seen, watch, change: () => once(changes, 'change', { signal: AbortSignal.timeout(240_000) }) };
}

test('a file that is written in place, replaced, removed and restored is reported once each time', async (t) => {
  const { path, seen, change } = watched(t, 'a');
  const steps: [() => void, string][] = [
    [() => writeFileSync(path, 'b'), 'b'],
    [() => replace(path, 'c'), 'c'],
    [() => rmSync(path), ''],
    [() => writeFileSync(path, 'd'), 'd'],
  ];
  for (const [act] of steps) {
    const changed = change();
    act();
    await changed;
  }
  assert.deepEqual(
    seen,
    steps.map(([, content]) => content),
  );
});

test('another content of the same size and time is reported: a bind mount can lag with them', async (t) => {
  const { path, seen, change } = watched(t, 'a');
  const { atime, mtime } = statSync(path);
  const changed = change();
  writeFileSync(path, 'b');
  utimesSync(path, atime, mtime);
  await changed;
  assert.deepEqual(seen, ['b']);
});

test('the same content under another inode or time is no change', async (t) => {
  const { path, seen, change } = watched(t, 'a');
  replace(path, 'a');
  utimesSync(path, new Date(0), new Date(0));
  const changed = change();
  // Two intervals or more lie between the two writes only if the watch has looked; either way one change is right.
  writeFileSync(path, 'b');
  await changed;
  assert.deepEqual(seen, ['b']);
});

test('nothing is reported after close', async (t) => {
  const { path, seen, watch } = watched(t, 'a');
  const other = watched(t, 'a');
  watch.close();
  writeFileSync(path, 'b');
  const changed = other.change();
  writeFileSync(other.path, 'b');
  await changed;
  assert.deepEqual(seen, []);
});

test('a file that is larger than any policy or secret is not read, and its changes are noticed', async (t) => {
  const { path, seen, change } = watched(t, 'a');
  // Sparse, and more than Node reads as one: 8 GiB and 9 GiB of nothing.
  for (const gibibytes of [8, 9]) {
    const changed = change();
    truncateSync(path, gibibytes * 2 ** 30);
    await changed;
  }
  const changed = change();
  writeFileSync(path, 'b');
  await changed;
  assert.deepEqual(seen, ['', '', 'b']);
});

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Empty for what is not there or too large: Node would read gibibytes before it says that they are no string. */
function contentOf(path: string): string {
  try {
    return statSync(path).size > 1024 ? '' : readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
