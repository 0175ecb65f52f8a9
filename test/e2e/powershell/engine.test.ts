import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { docker } from '../docker/docker.js';
import { contentsOf, REPOSITORY, runScript, stackOf } from './powershell.js';

/** The demo's gateway and services, as a stack of somebody's with this repository inside it. */
const STACK = `name: egress-windows
services:
  mcp-gateway:
    image: mcp-egress-demo
    build: { context: ./mcp-egress-proxy/docker/demo, network: host, args: { BASE_IMAGE: "\${BASE_IMAGE:-node:26-bookworm-slim}" } }
    command: [node, gateway.mjs]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
    networks: [backend]
    ports: ["127.0.0.1:8811:8811"]
  ops-controller:
    image: mcp-egress-demo
    environment: { SERVICE_NAME: ops-controller, SERVICE_PORT: "9000" }
    networks: [backend]
networks: { frontend: {}, backend: {} }
`;
const SETTINGS = `MCP_TOOLS_NETWORK=egress-windows-mcp-tools\r
MCP_EGRESS_NETWORK=egress-windows-mcp-egress\r
MCP_TOOLS_SUBNET=10.231.241.0/24\r
MCP_TOOLS_IP_RANGE=10.231.241.64/26\r
EGRESS_PROXY_ADDRESS=10.231.241.250\r
EGRESS_CONFIG_DIR=./mcp-egress-proxy/docker/demo/policy`;

let stack: string;
let files: Record<string, string>;
const clean: (() => void)[] = [];
before(() => {
  stack = stackOf({ after: (done: () => void) => clean.push(done) }, { 'docker-compose.yml': STACK, '.env': SETTINGS });
  cpSync(REPOSITORY, join(stack, 'mcp-egress-proxy'), {
    recursive: true,
    filter: (path) => !/\/(?:node_modules|dist|\.git)(?:\/|$)/.test(path.slice(REPOSITORY.length)),
  });
  files = contentsOf(stack);
});
after(async () => {
  await compose('down', '--volumes', '--remove-orphans', '--timeout', '5');
  for (const done of clean) done();
});

function compose(...args: string[]): Promise<string> {
  return docker(['compose', ...args], { cwd: stack });
}

test('set-up: nothing is open from the seat of a tool, and -Probe says the same', async () => {
  const { code, out, err } = await runScript(stack, []);
  assert.equal(code, 0, `${err}${out}`);
  assert.match(out, /ways tried: nothing is open but the proxy\./);
  const looked = await runScript(stack, ['-Probe']);
  assert.equal(looked.code, 0, looked.err);
  assert.match(looked.out, /ways tried: nothing is open but the proxy\./);
  const networks = await gatewayNetworks();
  assert.deepEqual(networks, ['egress-windows-mcp-tools']);
});

test('a step that fails leaves the files and what runs as they were', async () => {
  const before = contentsOf(stack);
  const env = { EGRESS_CONFIG_DIR: join(stack, 'no-such-folder') };
  const { code, err } = await runScript(stack, [], env);
  assert.equal(code, 2);
  assert.match(err, /docker compose ended with/);
  assert.deepEqual(contentsOf(stack), before);
});

test('-Remove puts the files back, byte for byte, and the gateway where it was', async () => {
  const { code, err } = await runScript(stack, ['-Remove']);
  assert.equal(code, 0, err);
  assert.deepEqual(contentsOf(stack), files);
  const networks = await gatewayNetworks();
  assert.deepEqual(networks, ['egress-windows_backend']);
});

test('an engine that is down is named, and nothing is changed', async () => {
  const { code, err } = await runScript(stack, [], { DOCKER_HOST: 'unix:///nowhere/docker.sock' });
  assert.equal(code, 2);
  assert.match(err, /docker version .* ended with 1/);
  assert.deepEqual(contentsOf(stack), files);
});

async function gatewayNetworks(): Promise<string[]> {
  const container = (await compose('ps', '-q', 'mcp-gateway')).trim();
  return Object.keys(JSON.parse(await docker(['inspect', '-f', '{{json .NetworkSettings.Networks}}', container])));
}
