import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from '../../proxy/cli/command.js';
import { rangesCommand } from '../../proxy/cli/ranges.js';
import { validateCommand } from '../../proxy/cli/validate.js';
import { main } from '../../proxy/main.js';
import { configFile } from '../config/fixture.js';
import { plainEnv } from './plain-env.js';
import { runCommand } from './run-command.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));
const MANIFEST = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

async function egressProxy(...argv: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await main(argv, {
    stdin: process.stdin,
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    env: {},
  });
  return { code, ...said };
}

const NAMES = [...(await egressProxy('help')).out.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name = '']) => name);

const isCommand = (value: unknown): value is Command =>
  typeof value === 'object' && value !== null && 'synopsis' in value && 'options' in value;

test('help lists every command, and each explains itself by --help and by help COMMAND', async () => {
  assert.ok(NAMES.includes('serve') && NAMES.includes('validate') && NAMES.length >= 8, NAMES.join());
  for (const name of NAMES) {
    const byOption = await egressProxy(name, '--help');
    assert.equal(byOption.code, 0, name);
    assert.match(byOption.out, new RegExp(`^usage: egress-proxy ${name}\\b`));
    assert.equal(byOption.err, '');
    assert.deepEqual(await egressProxy('help', name), byOption);
    assert.deepEqual(await egressProxy(name, '--nonsense', '-h'), byOption);
  }
});

test('help for help itself is the list of commands', async () => {
  const list = await egressProxy('help');
  for (const argv of [['--help'], ['-h'], ['help', 'help'], ['help', '--help'], ['--help', 'help']]) {
    assert.deepEqual(await egressProxy(...argv), list, argv.join(' '));
  }
});

test('--version prints the version of the package, with and without a command', async () => {
  for (const argv of [['--version'], ...NAMES.map((name) => [name, '--version'])]) {
    assert.deepEqual(await egressProxy(...argv), { code: 0, out: `${MANIFEST.version}\n`, err: '' });
  }
});

test('wrong arguments of any command end with 2, one line that says what is wrong, and its usage', async () => {
  for (const name of NAMES) {
    const { code, out, err } = await egressProxy(name, '--nonsense');
    assert.deepEqual([code, out], [2, ''], name);
    assert.match(err, new RegExp(`^${name}: .*--nonsense.*\nusage: egress-proxy ${name}\\b`));
  }
});

test('what is wrong with an option is one plain sentence', async () => {
  for (const [argv, sentence] of [
    [['--nonsense'], "unknown option '--nonsense'"],
    [['--client'], "option '--client' needs a value"],
    [['--client', '--json', 'a'], "option '--client' needs a value"],
    [['--json=1', 'a'], "option '--json' does not take an argument"],
  ] as const)
    assert.equal((await egressProxy('check', ...argv)).err.split('\n')[0], `check: ${sentence}`);
});

test('an unknown command ends with 2 and the list of commands', async () => {
  const { code, out, err } = await egressProxy('frobnicate\x1b[31m');
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /^egress-proxy: no command "frobnicate\\u001b\[31m"\n\nusage: /);
});

test('a command after an option is a wrong use, which says that the command comes first', async () => {
  for (const argv of [
    ['--json', 'ranges'],
    ['--config', 'policy.yaml', 'validate'],
  ]) {
    const { code, out, err } = await egressProxy(...argv);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, new RegExp(`\\nThe command comes before its options: egress-proxy ${argv.at(-1)} \\.\\.\\.\n$`));
  }
  assert.doesNotMatch((await egressProxy('--json')).err, /comes before/);
});

test('a reader that goes away ends a command without a word', () => {
  const { status, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${MAIN}" ranges --json | true`], {
    env: plainEnv(),
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
});

test('the exit code of a command does not depend on who reads its errors', async () => {
  const child = spawn(process.execPath, [MAIN, 'check', '--nonsense'], {
    env: plainEnv(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.destroy();
  assert.deepEqual(await once(child, 'exit'), [2, null]);
});

test('output that cannot be written is an error of one line', { skip: process.platform !== 'linux' }, () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'ranges'], {
    env: plainEnv(),
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^egress-proxy: cannot write the output: ENOSPC.*\n$/);
});

test('a command prints the same for a program that asks for JSON', async () => {
  const { code, out } = await runCommand(rangesCommand, ['--json']);
  assert.equal(code, 0);
  assert.ok(JSON.parse(out).ranges.length > 50);
});

test('a command that prints something for programs takes --json', async () => {
  const rest = ['allow', 'block', 'grants', 'revoke', 'pause', 'resume', 'watch'];
  for (const name of ['check', 'validate', 'probe', 'audit', 'ranges', 'suggest', ...rest]) {
    assert.match((await egressProxy('help', name)).out, /--json\b/, name);
  }
});

test('--json is short for --format json, and never beside another format', async (context) => {
  const path = configFile(context, 'version: 1\n');
  const validate = (...argv: string[]) => runCommand(validateCommand, ['--config', path, ...argv]);
  assert.deepEqual(await validate('--json'), await validate('--format', 'json'));
  assert.deepEqual(await validate('--json', '--format', 'json'), await validate('--json'));
  const both = await validate('--json', '--format', 'sarif');
  assert.deepEqual([both.code, both.out], [2, '']);
  assert.match(both.err, /^validate: --json and --format sarif exclude each other\n/);
  assert.equal(JSON.parse((await egressProxy('audit', '--list', '--json')).out).version, 1);
});

test('each command names its exit codes in its help', async () => {
  assert.match((await egressProxy('help')).out, /exit code 2/);
  for (const name of NAMES) assert.match((await egressProxy('help', name)).out, /\n {2}exit code: 0 /, name);
});

test('each option of a command is in its help', async () => {
  const folder = new URL('../../proxy/cli/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  const modules: object[] = await Promise.all(files.map((file) => import(new URL(file, folder).href)));
  const commands = modules.flatMap((module) => Object.values(module)).filter(isCommand);
  assert.deepEqual(commands.map(({ name }) => name).sort(), [...NAMES].sort());
  for (const { name, options } of commands) {
    const { out } = await egressProxy('help', name);
    for (const option of Object.keys(options)) assert.match(out, new RegExp(`--${option}\\b`), `${name} --${option}`);
  }
});

test('ranges has those of policy.private with the configuration that is named, and none without', async (context) => {
  const path = configFile(context, 'version: 1\npolicy: { private: [34.118.224.0/20] }\n');
  const of = async (argv: readonly string[], env = {}) =>
    JSON.parse((await runCommand(rangesCommand, ['--json', ...argv], { env })).out).ranges.at(-1);
  const row = {
    prefix: '34.118.224.0/20',
    name: 'private here',
    source: 'policy.private',
    disposition: 'private',
    metadata: false,
    openedBy: 'internal.host, internal.address',
  };
  assert.deepEqual(await of(['--config', path]), row);
  assert.deepEqual(await of([], { EGRESS_CONFIG: path }), row);
  assert.notEqual((await of([])).source, 'policy.private');
  assert.match(
    (await runCommand(rangesCommand, ['--config', path])).out,
    /34\.118\.224\.0\/20 +private here +internal\.host/,
  );
  assert.equal((await runCommand(rangesCommand, ['--config', configFile(context, 'version: 2\n')])).code, 78);
});

test('validate names file and line of every mistake, in each format', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'validate-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'my policy.yaml');
  writeFileSync(path, 'version: 1\npolicy:\n  default: everything\n  allow:\n    - { host: 10.0.0.1 }\n');
  const text = await runCommand(validateCommand, ['--config', path]);
  assert.equal(text.code, 78);
  assert.match(text.out, /my policy\.yaml:3: error: policy\.default: got "everything", expected /);
  assert.match(text.out, /my policy\.yaml:5: error: policy\.allow\[0\]\.host: /);
  const json = JSON.parse((await runCommand(validateCommand, ['--config', path, '--format', 'json'])).out);
  assert.deepEqual([json.valid, json.errors.length], [false, 2]);
  const sarif = JSON.parse((await runCommand(validateCommand, ['--config', path, '--format', 'sarif'])).out);
  assert.deepEqual([sarif.version, sarif.runs[0].results.length], ['2.1.0', 2]);
  assert.match(sarif.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri, /my%20policy\.yaml$/);
  writeFileSync(path, 'version: 1\n');
  const good = await runCommand(validateCommand, ['--config', path]);
  assert.deepEqual(good, { code: 0, out: `${path}: valid\n`, err: '' });
  assert.equal((await runCommand(validateCommand, ['--format', 'xml'])).code, 2);
});
