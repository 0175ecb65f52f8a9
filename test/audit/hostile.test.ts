/** Sources that someone hostile wrote, or that are not what they should be: a clear error, or harmless text. */
import assert from 'node:assert/strict';
import { chmodSync, closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withEngine, withFiles } from './audit.js';
import { bad, HOSTILE } from './bad-stack.js';
import { runAudit as run } from './run.js';
import { hardened, type Stack, service } from './stack.js';
import { composeJson, inspectJson } from './stack-json.js';

const inspectOf = (stack: Stack): string => JSON.stringify(inspectJson(stack));

test('an inspect file of 50 MB is refused before it is parsed', () =>
  withFiles(hardened(), async (folder) => {
    const path = join(folder, 'inspect.json');
    const file = openSync(path, 'w');
    ftruncateSync(file, 50_000_000);
    closeSync(file);
    const { code, out, err } = await run(['--inspect', path]);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /^audit: ".*inspect\.json" is larger than 16 MiB: pass only the containers of one stack\n$/);
  }));

const TOKEN = 'a-token-that-no-error-may-quote';
const BROKEN: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
  ['nothing', '', /standard input is empty/],
  ['broken JSON', `[{"Config": {"Env": ["A_TOKEN=${TOKEN}" } ]`, /standard input \(\d+ characters\) is not JSON/],
  ['another program’s output', `{"token": "${TOKEN}"}`, /is not the output of docker inspect/],
  ['an empty list', '[]', /has no container in it/],
  ['numbers', '[1, null, "x", []]', /has no container in it/],
  ['deep nesting', '['.repeat(200_000) + ']'.repeat(200_000), /has no container in it|is not JSON/],
  ['too many objects', `[${'{},'.repeat(6000)}{}]`, /has more than 5000 objects/],
];

for (const [what, text, expected] of BROKEN) {
  test(`${what} in place of docker inspect is one line of error, and no quotation`, async () => {
    const { code, out, err } = await run(['--inspect', '-'], text);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, expected);
    assert.equal(err.trimEnd().split('\n').length, 1);
    assert.ok(!err.includes(TOKEN));
  });
}

test('containers whose fields have the wrong types are read as containers without them', async () => {
  const labels = { 'com.docker.compose.project': 'p', 'com.docker.compose.service': 'ops-controller' };
  const odd = {
    Id: 1,
    Name: [],
    HostConfig: 'x',
    Config: { Labels: labels, Env: { A: 'b' }, User: 7 },
    Mounts: {},
    NetworkSettings: 5,
  };
  const { code, out, err } = await run(['--inspect', '-'], JSON.stringify([odd]));
  assert.equal(err, '');
  assert.notEqual(code, 2);
  assert.match(out, /\d+ passed, \d+ failed/);
});

test('a compose file of another project is an error that names both', () =>
  withFiles(hardened(), async (folder) => {
    const other = { ...hardened(), project: 'other' };
    writeFileSync(join(folder, 'compose.json'), JSON.stringify(composeJson(other)));
    const args = ['--inspect', '-', '--compose', join(folder, 'compose.json')];
    const found = await run(args, inspectOf(hardened()));
    assert.deepEqual([found.code, found.out], [2, '']);
    assert.match(found.err, /standard input has containers of "ai-toolkit", none of project "other"/);
    const named = await run(['--project', 'ai-toolkit', '--no-engine', '--compose', join(folder, 'compose.json')]);
    assert.match(named.err, /the compose file is of project "other", not of "ai-toolkit"/);
  }));

test('several projects without a gateway need a name', async () => {
  const [first, second] = ['one', 'two'].map((project) => {
    const stack = { ...hardened(), project, tools: {} };
    delete stack.running.services['mcp-gateway'];
    return inspectJson(stack);
  });
  const text = JSON.stringify([...(first ?? []), ...(second ?? [])]);
  const { code, err } = await run(['--inspect', '-'], text);
  assert.equal(code, 2);
  assert.match(err, /there are several projects \("one", "two"\): name one with --project/);
  assert.notEqual((await run(['--inspect', '-', '--project', 'two'], text)).code, 2);
});

test('names full of ANSI codes, markup and quotes are shown, and obeyed by nobody', async () => {
  const stack = bad();
  stack.project = HOSTILE;
  stack.running.services[HOSTILE] = service(stack.running, 'qdrant');
  for (const format of ['table', 'json', 'sarif', 'junit']) {
    const { out, err } = await run(['--inspect', '-', '--format', format], inspectOf(stack));
    assert.equal(err, '');
    assert.match(out, /\\+u\{1b\}/);
    assert.doesNotMatch(out, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]/);
  }
});

test('names are quoted in commands: a hostile one runs nothing', async () => {
  const stack = hardened();
  const name = "x'; touch /tmp/owned; '$(id)";
  stack.running.services[name] = { ...service(stack.running, 'qdrant'), privileged: true };
  const { out } = await run(['--inspect', '-', '--format', 'json', '--only', 'privileged'], inspectOf(stack));
  const [found] = JSON.parse(out).findings.filter(({ status }: { status: string }) => status === 'fail');
  assert.deepEqual(found.fix.sh, [`docker compose up -d 'x'\\''; touch /tmp/owned; '\\''$(id)'`]);
  assert.match(found.fix.override, /^services:\n {2}"x'; touch \/tmp\/owned; '\$\(id\)":\n/);
});

test('output of Windows PowerShell, which is UTF-16 with a mark, is read', () =>
  withFiles(hardened(), async (folder) => {
    const path = join(folder, 'inspect.json');
    writeFileSync(path, Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(inspectOf(hardened()), 'utf16le')]));
    const { code, err } = await run(['--inspect', path]);
    assert.equal(err, '');
    assert.notEqual(code, 2);
  }));

test('files of the stack that are not what they should be are named, and not quoted', async () => {
  for (const name of ['mcp/registry.json', 'openclaw/openclaw.json']) {
    const stack = hardened();
    stack.data[name] = `{ "token": "${TOKEN}" `;
    await withFiles(stack, async (folder) => {
      const { code, err } = await run(['--no-engine', '--env', join(folder, '.env')]);
      assert.equal(code, 2);
      assert.match(err, /^audit: ".*\.json" \(\d+ characters\) is not JSON\n$/);
      assert.ok(!err.includes(TOKEN));
    });
  }
});

test('an engine that answers with errors or with nonsense is a missing source, not a crash', () =>
  withFiles(hardened(), async (folder) => {
    const stack = hardened();
    const env = join(folder, '.env');
    const none = await run(['--env', env, '--format', 'json'], '', { DOCKER_HOST: `unix://${folder}/nobody.sock` });
    assert.notEqual(none.code, 2);
    assert.match(none.out, /The engine at unix:.*nobody\.sock cannot be reached \(ENOENT\)/);
    await withEngine({ ...stack, project: '' }, folder, async (DOCKER_HOST) => {
      const { code } = await run(['--env', env], '', { DOCKER_HOST });
      assert.notEqual(code, 2);
    });
  }));

test('a folder in place of a file, and a file without rights, are errors', () =>
  withFiles(hardened(), async (folder) => {
    mkdirSync(join(folder, 'folder'));
    assert.match((await run(['--compose', join(folder, 'folder')])).err, /cannot be read \(EISDIR\)/);
    chmodSync(join(folder, '.env'), 0o000);
    const { code, err } = await run(['--no-engine', '--env', join(folder, 'nothing')]);
    assert.deepEqual([code, err], [2, `audit: ${JSON.stringify(join(folder, 'nothing'))} does not exist\n`]);
  }));

test('nothing to read is exit code 2, with the reasons', async () => {
  const { code, err } = await run(['--no-engine']);
  assert.equal(code, 2);
  assert.match(err, /^audit: nothing could be read\. The engine was not asked\./);
});

test('an engine over TCP is asked as one on a socket is; another scheme is reported', async () => {
  await withEngine(hardened(), null, async (DOCKER_HOST) => {
    const { code, out, err } = await run(['--format', 'json'], '', { DOCKER_HOST });
    assert.deepEqual([code, err], [0, '']);
    assert.equal(JSON.parse(out).target.engine, '28.5.2');
  });
  for (const DOCKER_HOST of ['ssh://me@there', 'tcp://', 'nonsense']) {
    const { code, err } = await run([], '', { DOCKER_HOST });
    assert.equal(code, 2);
    assert.match(err, /DOCKER_HOST is not unix:\/\/, npipe:\/\/, tcp:\/\/ or https:\/\//);
  }
});
