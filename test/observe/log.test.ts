import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { createDecisionLog, createEventLog, type LogOutput } from '../../proxy/observe/decision-log.js';
import { fanOut } from '../../proxy/observe/observe.js';
import { closeRecord, decisionRecord, HOSTILE } from './records.js';

function collect(): { outputs: LogOutput[]; lines: string[] } {
  const lines: string[] = [];
  return { outputs: [{ sink: { write: (line) => lines.push(line) }, render: null }], lines };
}

test('each record is one line, warnings and others as the level says', () => {
  for (const [level, expected] of [
    ['debug', ['warn', 'info', 'info']],
    ['info', ['warn', 'info', 'info']],
    ['warn', ['warn']],
    ['error', []],
  ] as const) {
    const { outputs, lines } = collect();
    const sink = fanOut([createDecisionLog(level, outputs)]);
    sink.decision(decisionRecord());
    sink.decision(decisionRecord({ outcome: 'allow', reason: null }));
    sink.closed(closeRecord());
    assert.ok(lines.every((line) => line.indexOf('\n') === line.length - 1));
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).level),
      expected,
    );
  }
});

test('an event has its level as text and its time in ISO 8601, and no text of it can end the line', () => {
  const { outputs, lines } = collect();
  const log = createEventLog('info', outputs);
  for (const text of HOSTILE) log.error({ event: 'reload-failed', path: text }, text);
  log.debug('not on');
  assert.equal(lines.length, HOSTILE.length);
  for (const [i, line] of lines.entries()) {
    const parsed = JSON.parse(line);
    assert.deepEqual([parsed.level, parsed.event, parsed.pid], ['error', 'reload-failed', undefined]);
    assert.equal(parsed.path, HOSTILE[i]);
    assert.equal(new Date(parsed.time).toISOString(), parsed.time);
    assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u);
  }
});

const SINK = new URL('../../proxy/observe/line-sink.js', import.meta.url).href;

test('a standard output that nobody reads costs lines, not time or memory, and the process still ends', async () => {
  const program = `
    import { stdoutSink } from ${JSON.stringify(SINK)};
    const sink = stdoutSink();
    const line = 'x'.repeat(999) + '\\n';
    for (let i = 0; i < 20000; i++) sink.write(line);
    await sink.close(50);
    process.stderr.write(String(sink.dropped()));
    process.exit(7);`;
  // A pipe of the shell, as a container's output is one; what Node gives a child is a socket. Its reader only
  // waits. Not of bash, which warns on the same stream of a locale that is not installed.
  const script = '{ "$0" --input-type=module -e "$1"; echo ":$?" >&2; exec >&-; } | { read -r end <&3; }';
  const child = spawn('sh', ['-c', script, process.execPath, program], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for await (const chunk of child.stderr ?? []) {
    said += chunk;
    if (said.includes(':')) child.stdio[3]?.destroy();
  }
  const [dropped, code] = said.trim().split(':');
  assert.equal(code, '7');
  assert.ok(Number(dropped) > 15_000 && Number(dropped) < 20_000, dropped);
});

test('a line is not lost to an exit right after it', async () => {
  const program = `
    import { stdoutSink } from ${JSON.stringify(SINK)};
    stdoutSink().write('the last line\\n');
    process.exit(1);`;
  const script = '"$0" --input-type=module -e "$1" | cat';
  const child = spawn('sh', ['-c', script, process.execPath, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const chunk of child.stdout) said += chunk;
  assert.equal(said, 'the last line\n');
});

test('a quiet line is written without another one after it, and closing writes the rest', async () => {
  const program = `
    import { stdoutSink } from ${JSON.stringify(SINK)};
    const sink = stdoutSink();
    sink.write('first\\n');
    process.once('message', async () => {
      sink.write('second\\n');
      await sink.close(5000);
      process.exit(sink.dropped());
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  assert.ok(child.stdout);
  const exit = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line === 'first') child.send('go on');
  }
  assert.deepEqual(lines, ['first', 'second']);
  assert.deepEqual(await exit, [0, null]);
});

test('a reader that went away ends neither the process nor the writer', async () => {
  const program = `
    import { stdoutSink } from ${JSON.stringify(SINK)};
    const sink = stdoutSink();
    process.once('message', () => {
      const timer = setInterval(() => {
        sink.write('line\\n');
        if (sink.dropped() > 2) { clearInterval(timer); sink.close(5000).then(() => process.exit(7)); }
      }, 20);
    });
    process.send('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  child.stdout?.destroy();
  child.send('go on');
  assert.deepEqual(await once(child, 'exit'), [7, null]);
});
