import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentsOf, fakeDocker, folderOf, runScript, stackOf } from './powershell.js';

const GATEWAY = `
  mcp-gateway:
    image: gateway
    networks: [backend]
    ports: ["127.0.0.1:\${MCP_GATEWAY_PORT:-8899}:8811"]
`;
const STACK = `name: ai-kit\nservices:${GATEWAY}networks: { backend: {}, frontend: {} }\n`;
const BASE = { 'docker-compose.yml': STACK, '.env': 'MCP_GATEWAY_PORT=8822\r\nLAST_SECRET=s3cret' };
const STARTED = /^compose (up|down)|^run/;

test('a dry run says every step and changes nothing', async (t) => {
  const stack = stackOf(t, BASE);
  const docker = fakeDocker(t);
  const { code, out, err } = await runScript(stack, ['-DryRun'], docker.env);
  assert.equal(code, 0, err);
  assert.match(out, /^ssrf-egress-block \(dry run\): stack: .*docker-compose\.yml$/m);
  assert.match(out, /move .*docker-compose\.yml to .*docker-compose\.stack\.yml/);
  assert.match(out, /write .*docker-compose\.yml and egress-proxy\.env/);
  assert.match(out, /docker compose up -d --build --remove-orphans/);
  assert.match(out, /then run: docker run --rm --network TOOLS_NETWORK/);
  assert.deepEqual(contentsOf(stack), BASE);
  assert.ok(!docker.calls().some((call) => STARTED.test(call)));
});

test('a set-up wraps the compose file, starts the stack, and probes from the seat of a tool; -Remove restores every byte', async (t) => {
  const stack = stackOf(t, { ...BASE, 'docker-compose.override.yml': 'services: {}\n' });
  const before = contentsOf(stack);
  const docker = fakeDocker(t, { running: 'c1\n' });
  const { code, out, err } = await runScript(stack, [], docker.env);
  assert.equal(code, 0, err);
  assert.match(out, /the table\n/);
  assert.match(out, /done: nothing is open but the proxy/);
  const files = contentsOf(stack);
  assert.equal(files['docker-compose.stack.yml'], STACK);
  assert.equal(files['.env'], BASE['.env']);
  assert.match(
    files['docker-compose.yml'] ?? '',
    /name: ai-kit\ninclude:\n {2}- path:\n {6}- \.\/docker-compose\.stack\.yml\n {6}- \.\/docker-compose\.override\.stack\.yml\n {6}- \.\/mcp-egress-proxy\/compose\.override\.yml\n {4}env_file: \.\/egress-proxy\.env\n$/,
  );
  assert.match(
    files['egress-proxy.env'] ?? '',
    /^MCP_GATEWAY_PUBLISHED=yes\nMCP_GATEWAY_PUBLISH=127\.0\.0\.1:8822\n$/m,
  );
  const run = docker.calls().find((call) => call.startsWith('run '));
  assert.match(
    run ?? '',
    /^run --rm --network stack-tools -e HTTP_PROXY=http:\/\/egress-proxy:3128 .* mcp-egress-proxy probe$/,
  );
  const again = await runScript(stack, [], docker.env);
  assert.deepEqual([again.code, contentsOf(stack)], [0, files], 'a second run changes no file');
  assert.equal((await runScript(stack, ['-Remove'], docker.env)).code, 0);
  assert.deepEqual(contentsOf(stack), before);
});

test('what the probe finds is exit code 1, and the set-up stays', async (t) => {
  const stack = stackOf(t, BASE);
  const { code, out } = await runScript(stack, [], fakeDocker(t, { running: 'c1\n', probe: 1 }).env);
  assert.equal(code, 1);
  assert.match(out, /the probe found something: the table above says what is open/);
  assert.ok('docker-compose.stack.yml' in contentsOf(stack));
});

test('-Probe looks and starts nothing; what it cannot do is a failed step, not a finding', async (t) => {
  const stack = stackOf(t, BASE);
  const docker = fakeDocker(t, { running: 'c1\n' });
  assert.equal((await runScript(stack, ['-Probe'], docker.env)).code, 0);
  assert.ok(!docker.calls().some((call) => call.startsWith('compose up')));
  const none = await runScript(stack, ['-Probe'], fakeDocker(t).env);
  assert.equal(none.code, 2);
  assert.match(none.err, /no sidecar runs in this stack/);
  const broken = await runScript(stack, ['-Probe'], fakeDocker(t, { running: 'c1\n', probe: 125 }).env);
  assert.equal(broken.code, 2);
  assert.match(broken.err, /the probe could not run: docker ended with 125/);
  assert.deepEqual(contentsOf(stack), BASE);
});

const LISTED = { '.env': 'COMPOSE_FILE=docker-compose.yml:gpu.yml\n', 'docker-compose.override.yml': 'services: {}\n' };

test('a list of files in .env keeps its files, and an override that it leaves out stays out', async (t) => {
  const gpu = 'services: { mcp-gateway: { environment: { GPU: "1" } } }\n';
  const stack = stackOf(t, { ...BASE, ...LISTED, 'gpu.yml': gpu });
  const { code, err } = await runScript(stack, [], fakeDocker(t, { running: 'c1\n' }).env);
  assert.equal(code, 0, err);
  const files = contentsOf(stack);
  assert.deepEqual(
    [files['gpu.yml'], files['.env'], files['docker-compose.override.yml']],
    [gpu, ...Object.values(LISTED)],
  );
});

const REFUSED: readonly (readonly [what: string, files: Readonly<Record<string, string>>, said: RegExp])[] = [
  ['no gateway', { 'docker-compose.yml': 'services: { web: { image: x } }\n' }, /no service is called mcp-gateway/],
  ['a file in the way', { 'docker-compose.stack.yml': '# mine\n' }, /docker-compose\.stack\.yml exists already/],
  [
    'a compose file that Compose cannot read',
    { 'docker-compose.yml': 'services: [\n' },
    /docker compose config ended with/,
  ],
  [
    'a list of files that puts the gateway back on its network',
    {
      '.env': 'COMPOSE_FILE=docker-compose.yml:open.yml\n',
      'open.yml': 'services: { mcp-gateway: { networks: [backend] } }\n',
    },
    /mcp-gateway is on 'backend mcp-tools' and not on mcp-tools alone/,
  ],
];

for (const [what, files, said] of REFUSED) {
  test(`a stack with ${what} is left as it is`, async (t) => {
    const stack = stackOf(t, { ...BASE, ...files });
    const before = contentsOf(stack);
    const docker = fakeDocker(t);
    const { code, err } = await runScript(stack, [], docker.env);
    assert.equal(code, 2);
    assert.match(err, said);
    assert.deepEqual(contentsOf(stack), before);
    assert.ok(!docker.calls().some((call) => call.startsWith('compose up')));
  });
}

test('an engine that is down and a Compose that is too old stop it before anything is changed', async (t) => {
  const stack = stackOf(t, BASE);
  const down = await runScript(stack, [], fakeDocker(t, { version: 1 }).env);
  assert.deepEqual([down.code, contentsOf(stack)], [2, BASE]);
  assert.match(down.err, /docker version .* ended with 1/);
  const old = await runScript(stack, [], fakeDocker(t, { compose: '2.20.3' }).env);
  assert.deepEqual([old.code, contentsOf(stack)], [2, BASE]);
  assert.match(old.err, /Compose 2\.20\.3 is too old: 2\.24\.4 or newer is needed/);
});

test('where the stack does not start, all is as before: down if it was down, up again if it was up', async (t) => {
  for (const [running, last] of [
    ['', 'compose down --remove-orphans'],
    ['c1\n', 'compose up -d --remove-orphans'],
  ] as const) {
    const stack = stackOf(t, BASE);
    const docker = fakeDocker(t, { running, up: 17 });
    const { code, err, out } = await runScript(stack, [], docker.env);
    assert.equal(code, 2);
    assert.match(err, /docker compose ended with 17/);
    assert.match(out, /a step failed: the files are put back/);
    assert.deepEqual(contentsOf(stack), BASE);
    assert.equal(docker.calls().at(-1), last);
  }
});

test('a folder without a compose file, and a clone outside the stack, are named', async (t) => {
  const empty = await runScript(stackOf(t, {}), [], fakeDocker(t).env);
  assert.equal(empty.code, 2);
  assert.match(
    empty.err,
    /has no compose file \(compose\.yaml, compose\.yml, docker-compose\.yml, docker-compose\.yaml\)/,
  );
  const elsewhere = folderOf(t, { 'docker-compose.yml': STACK });
  const outside = await runScript(stackOf(t, BASE), ['-StackDir', elsewhere], fakeDocker(t).env);
  assert.equal(outside.code, 2);
  assert.match(outside.err, /put mcp-egress-proxy inside of /);
});
