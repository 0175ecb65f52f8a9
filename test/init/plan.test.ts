import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InitError } from '../../proxy/init/init-error.js';
import { planRemoval } from '../../proxy/init/removal.js';
import { type Files, initialized, plan, readOf, removed } from './folder-of.js';

const STACK = `services:
  mcp-gateway:
    image: docker/mcp-gateway
    ports: ["8811:8811"]
    networks: [backend]
networks: { backend: {} }
`;

const override = (files: Files): string => files['egress-proxy/compose.override.yml'] ?? '';
const lines = (files: Files): string[] => (files['.env'] ?? '').split('\n').filter((line) => /^\w+=/.test(line));

/** Stacks, and the lines of `.env` that each needs. */
const STACKS: readonly (readonly [what: string, files: Files, expected: readonly string[]])[] = [
  ['the plain one', { 'compose.yaml': STACK }, ['COMPOSE_FILE=compose.yaml:egress-proxy/compose.override.yml']],
  [
    'with an override that Compose loads by itself',
    { 'docker-compose.yml': STACK, 'docker-compose.override.yml': 'services: {}\n' },
    ['COMPOSE_FILE=docker-compose.yml:docker-compose.override.yml:egress-proxy/compose.override.yml'],
  ],
  [
    'with a list of files',
    { 'base.yml': STACK, 'o/gpu.yml': 'services: {}\n', '.env': 'COMPOSE_FILE=base.yml:o/gpu.yml\n' },
    ['COMPOSE_FILE=base.yml:o/gpu.yml:egress-proxy/compose.override.yml'],
  ],
  [
    'whose gateway is for this machine only',
    { 'compose.yaml': STACK.replace('"8811:8811"', '"127.0.0.1:8899:8811"') },
    ['MCP_GATEWAY_PUBLISH=127.0.0.1:8899'],
  ],
  [
    'whose gateway is not published',
    { 'compose.yaml': STACK.replace(/ +ports.*\n/, '') },
    ['MCP_GATEWAY_PUBLISHED=no'],
  ],
  [
    'whose gateway listens elsewhere',
    { 'compose.yaml': STACK.replace('["8811:8811"]', '["9000:9000", "9001:9001"]\n    command: [--port=9001]') },
    ['EGRESS_GATEWAY_PORT=9001', 'MCP_GATEWAY_PUBLISH=9001'],
  ],
  [
    'which has the default subnet itself',
    { 'compose.yaml': `${STACK.trimEnd().slice(0, -1)}, old: { ipam: { config: [ { subnet: 172.31.0.0/16 } ] } } }\n` },
    ['MCP_TOOLS_SUBNET=10.231.250.0/24', 'MCP_TOOLS_IP_RANGE=10.231.250.64/26', 'EGRESS_PROXY_ADDRESS=10.231.250.250'],
  ],
];

for (const [what, files, expected] of STACKS) {
  test(`a stack ${what}: its lines, twice without a change, and every byte back`, () => {
    const done = initialized(files);
    for (const line of expected) assert.ok(lines(done).includes(line), `${line} in\n${lines(done).join('\n')}`);
    assert.deepEqual(plan(done).changes, []);
    assert.deepEqual(removed(done), files);
    for (const [path, text] of Object.entries(files)) if (path !== '.env') assert.equal(done[path], text, path);
  });
}

test('the sidecar answers where the gateway was, by each of its names', () => {
  const stack = `services:
  tools-hub:
    image: docker/mcp-gateway:v2
    container_name: hub
    networks: { private: { aliases: [gw] }, backend: }
networks: { private: {}, backend: {}, frontend: {}, other: {} }
`;
  const text = override(initialized({ 'compose.yaml': stack }));
  for (const name of ['private', 'backend', 'frontend'])
    assert.match(text, new RegExp(`^ {6}${name}:\\n {8}aliases:`, 'm'));
  assert.match(text, /aliases: \["tools-hub","hub","gw"\]/);
  assert.doesNotMatch(text, /^ {6}other:/m);
  assert.match(text, /^ {2}tools-hub:$/m);
  assert.match(text, /EGRESS_RELAY_OUTSIDE: \$\{MCP_GATEWAY_NAME:-tools-hub\}/);
});

test('a gateway of no network is answered for on the default one, and one on the host leaves it', () => {
  const stack = 'services: { mcp-gateway: { image: x, network_mode: host } }\n';
  const text = override(initialized({ 'compose.yaml': stack }));
  assert.match(text, /^ {6}default:\n/m);
  assert.match(text, /^ {2}mcp-gateway:\n {4}network_mode: !reset null\n/m);
});

test('what a later file takes the place of does not count', () => {
  const later = 'services: { mcp-gateway: { ports: !override ["9999:8811"], networks: !override [lan] } }\n';
  const done = initialized({ 'compose.yml': STACK, 'compose.override.yml': later });
  assert.ok(lines(done).includes('MCP_GATEWAY_PUBLISH=9999'));
  assert.match(override(done), /^ {6}lan:\n/m);
  const reset = 'services: { mcp-gateway: { ports: !reset [] } }\n';
  assert.ok(
    lines(initialized({ 'compose.yml': STACK, 'compose.override.yml': reset })).includes('MCP_GATEWAY_PUBLISHED=no'),
  );
});

test('included compose files count as part of the stack', () => {
  const done = initialized({ 'compose.yml': 'include: [ { path: parts/gateway.yml } ]\n', 'parts/gateway.yml': STACK });
  assert.match(override(done), /^ {6}backend:\n/m);
});

test('a Windows list keeps its paths and its separator', () => {
  const env = 'COMPOSE_FILE=C:\\Users\\me\\stack\\docker-compose.yml;overrides\\gpu.yml\r\nMODELS=C:\\models\r\n';
  const files = {
    'docker-compose.yml': STACK.replaceAll('\n', '\r\n'),
    'overrides/gpu.yml': 'services: {}\r\n',
    '.env': env,
  };
  const done = initialized(files);
  const list =
    "COMPOSE_FILE='C:\\Users\\me\\stack\\docker-compose.yml;overrides\\gpu.yml;egress-proxy/compose.override.yml'";
  assert.ok(done['.env']?.includes(`COMPOSE_PATH_SEPARATOR=;\r\n${list}\r\n`), done['.env']);
  assert.ok(!/[^\r]\n/.test(done['.env'] ?? ''));
  assert.deepEqual(plan(done).changes, []);
  assert.deepEqual(removed(done), files);
});

test('what the owner has set in .env stays as it is', () => {
  const env =
    'MCP_TOOLS_SUBNET=10.9.8.0/24\nMCP_GATEWAY_PUBLISHED=yes\nEGRESS_CONFIG_DIR=./mine\nEGRESS_PROXY_IMAGE=mine:1';
  const done = initialized({ 'compose.yml': STACK.replace(/ +ports.*\n/, ''), '.env': env }, { image: 'other:2' });
  assert.deepEqual(lines(done).slice(4), [
    'COMPOSE_PATH_SEPARATOR=:',
    'COMPOSE_FILE=compose.yml:egress-proxy/compose.override.yml',
    'EGRESS_PROXY_DIR=./egress-proxy',
    'MCP_TOOLS_IP_RANGE=10.9.8.64/26',
    'EGRESS_PROXY_ADDRESS=10.9.8.250',
  ]);
  assert.equal(done['egress-proxy/config/policy.yaml'], undefined);
});

test('a subnet that the engine has given away is not taken, and the choice is kept when it is ours', () => {
  const done = initialized(
    { 'compose.yml': STACK },
    { taken: ['172.31.250.0/24', '10.231.250.0/23'], avoid: ['192.168.0.0/16'] },
  );
  assert.ok(lines(done).includes('MCP_TOOLS_SUBNET=10.231.240.0/24'));
  assert.deepEqual(plan(done, { taken: ['10.231.240.0/24'], avoid: ['192.168.0.0/16'] }).changes, []);
  const usual = initialized({ 'compose.yml': STACK });
  assert.deepEqual(plan(usual, { taken: ['172.31.250.0/24'] }).changes, []);
});

test('an image other than the default is named in .env', () => {
  assert.ok(
    lines(initialized({ 'compose.yml': STACK }, { image: 'r.example/egress:1' })).includes(
      'EGRESS_PROXY_IMAGE=r.example/egress:1',
    ),
  );
});

test('a policy that was changed is neither written over nor removed', () => {
  const done = initialized({ 'compose.yml': STACK });
  const mine = { ...done, 'egress-proxy/config/policy.yaml': 'version: 1\n' };
  assert.deepEqual(plan(mine).changes, []);
  assert.deepEqual(removed(mine), { 'compose.yml': STACK, 'egress-proxy/config/policy.yaml': 'version: 1\n' });
  assert.match(planRemoval(readOf(mine)).notes.join(), /policy\.yaml stays/);
});

/** What cannot be done, and the words for it. */
const REFUSED: readonly (readonly [what: string, files: Files, said: RegExp])[] = [
  ['an empty folder', {}, /no compose file: looked for compose\.yaml, compose\.yml, docker-compose\.yml/],
  [
    'no gateway',
    { 'compose.yml': 'services: { web: { image: nginx }, db: { image: pg } }\n' },
    /no gateway was found. Looked for a service called mcp-gateway[\s\S]*in compose\.yml[\s\S]*web, db[\s\S]*--gateway/,
  ],
  [
    'two gateways',
    { 'compose.yml': 'services: { a: { image: docker/mcp-gateway }, b: { image: docker/mcp-gateway } }\n' },
    /a, b may each be the gateway: choose one with --gateway/,
  ],
  ['a file that is none', { 'compose.yml': 'services: [\n' }, /^compose\.yml: /],
  [
    'a list with a lost file',
    { 'compose.yml': STACK, '.env': 'COMPOSE_FILE=compose.yml:gone.yml' },
    /gone\.yml.* cannot be found/,
  ],
  ['an .env in UTF-16', { 'compose.yml': STACK, '.env': '\xff\xfeA\0=\0' }, /UTF-16/],
  [
    'a sidecar that is there',
    { 'compose.yml': `${STACK}`, 'compose.override.yml': 'services:\n  egress-proxy: { image: x }\n' },
    /a service egress-proxy already, in compose\.override\.yml/,
  ],
  [
    'a stack with the installer of a clone',
    { 'compose.yml': `# Written by mcp-egress-proxy/docker/install.sh: the stack's\n${STACK}` },
    /install\.sh has put the override into compose\.yml/,
  ],
  [
    'a folder of that name',
    { 'compose.yml': STACK, 'egress-proxy/compose.override.yml': 'x: 1\n' },
    /not written by init/,
  ],
];

for (const [what, files, said] of REFUSED) {
  test(`${what}: nothing is planned, and it says why`, () => {
    assert.throws(
      () => plan(files),
      (error) => error instanceof InitError && said.test(error.message),
    );
  });
}

test('a stack without init has nothing to remove', () => {
  assert.deepEqual(removed({ 'compose.yml': STACK, '.env': 'A=1' }), { 'compose.yml': STACK, '.env': 'A=1' });
});
