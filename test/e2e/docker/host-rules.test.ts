import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * The host script on the machine's own engine. The LAN host and the public stand-in are one namespace behind a link of
 * its own; no packet leaves the machine.
 */
const IMAGE = process.env.BASE_IMAGE ?? 'node:26-bookworm-slim';
const SCRIPT = fileURLToPath(new URL('../../../../docker/host/ssrf-egress-block.sh', import.meta.url));
const RESPONDER = fileURLToPath(new URL('../netns/responder.js', import.meta.url));
const NAME = `fw${process.pid}`;
const TOOL = `${NAME}-tool`;
const NEIGHBOUR = `${NAME}-neighbour`;
const LAN = '192.168.177.20';
const PUBLIC = '9.9.177.20';
const PORT = 8080;

let subnet: string;
let rulesBefore: string;
let responder: ChildProcess;
let hostService: Server;

before(async () => {
  subnet = docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'bridge');
  rulesBefore = rules();
  const commands = [
    `ip netns add ${NAME}`,
    `ip link add ${NAME} type veth peer name eth0 netns ${NAME}`,
    `ip address add 192.168.177.1/24 dev ${NAME}`,
    `ip address add 9.9.177.1/24 dev ${NAME}`,
    `ip link set ${NAME} up`,
    `ip -n ${NAME} address add ${LAN}/24 dev eth0`,
    `ip -n ${NAME} address add ${PUBLIC}/24 dev eth0`,
    `ip -n ${NAME} link set eth0 up`,
    `ip -n ${NAME} route add default via 192.168.177.1`,
  ];
  for (const command of commands) shell(command);
  const settings = JSON.stringify({ tcp: [PORT], udp: [] });
  responder = spawn('ip', ['netns', 'exec', NAME, process.execPath, RESPONDER, settings]);
  hostService = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
  hostService.listen(0, '0.0.0.0');
  const echo = `require('net').createServer((s) => s.on('error', () => s.destroy()).pipe(s)).listen(${PORT}, () => console.log('ready'))`;
  for (const name of [TOOL, NEIGHBOUR]) docker('run', '-d', '--name', name, IMAGE, 'node', '-e', echo);
  await Promise.all([once(responder.stdout ?? responder, 'data'), once(hostService, 'listening')]);
  await Promise.all([TOOL, NEIGHBOUR].map(ready));
});

after(() => {
  spawnSync(SCRIPT, ['--remove']);
  spawnSync('docker', ['rm', '-f', TOOL, NEIGHBOUR]);
  responder?.kill('SIGKILL');
  hostService?.close();
  spawnSync('ip', ['link', 'del', NAME]);
  spawnSync('ip', ['netns', 'del', NAME]);
});

test('a container on the default bridge reaches everything before the rules', async () => {
  assert.deepEqual(await reach(), { lan: true, public: true, neighbour: true, host: true });
});

test('with the rules the private host and the host itself are closed, the public stand-in and the bridge stay open', async () => {
  const applied = spawnSync(SCRIPT, [subnet], { encoding: 'utf8' });
  assert.equal(applied.status, 0, applied.stderr);
  assert.match(applied.stderr, /\(bridge docker0\)/, 'the bridge is found');
  assert.deepEqual(await reach(), { lan: false, public: true, neighbour: true, host: false });
});

test('docker restart of the container keeps them', async () => {
  docker('restart', '-t', '1', TOOL);
  await ready(TOOL);
  assert.deepEqual(await reach(), { lan: false, public: true, neighbour: true, host: false });
  const checked = spawnSync(SCRIPT, ['--check', subnet], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
});

test('replies of the container to connections of the host pass', () => {
  const address = docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', TOOL);
  const probe = `exec 3<>/dev/tcp/${address}/${PORT} && echo hello >&3 && read -rt 5 answer <&3 && test "$answer" = hello`;
  assert.equal(spawnSync('timeout', ['10', 'bash', '-c', probe]).status, 0);
});

test('removal opens the way again and leaves DOCKER-USER and INPUT as they were, byte for byte', async () => {
  const removed = spawnSync(SCRIPT, ['--remove'], { encoding: 'utf8' });
  assert.equal(removed.status, 0, removed.stderr);
  assert.equal(rules(), rulesBefore);
  assert.deepEqual(await reach(), { lan: true, public: true, neighbour: true, host: true });
});

/** What the tool's container reaches over TCP: an answer, not only a connection. */
async function reach() {
  const { port } = hostService.address() as AddressInfo;
  const gateway = docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'bridge');
  const neighbour = docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', NEIGHBOUR);
  const endpoints = [`${LAN}:${PORT}`, `${PUBLIC}:${PORT}`, `${neighbour}:${PORT}`, `${gateway}:${port}`];
  const [lan, open, bridge, host] = await Promise.all(endpoints.map(answers));
  return { lan, public: open, neighbour: bridge, host };
}

/** Resolves when the container's server listens: since its last start, it has written a line. */
async function ready(name: string): Promise<void> {
  const since = docker('inspect', '-f', '{{.State.StartedAt}}', name);
  const log = spawn('docker', ['logs', '-f', '--since', since, name]);
  await once(log.stdout, 'data', { signal: AbortSignal.timeout(120_000) });
  log.kill();
}

/** Not synchronous: the host's service is in this process. */
function answers(endpoint: string): Promise<boolean> {
  const [address, port] = endpoint.split(':');
  const probe = `const s = require('net').connect(${port}, '${address}');
    s.setTimeout(3000, () => process.exit(1)).on('error', () => process.exit(1)).on('data', () => process.exit(0));
    s.write('hello');`;
  return new Promise((resolve) => {
    execFile('docker', ['exec', TOOL, 'node', '-e', probe], (error) => resolve(error === null));
  });
}

function rules(): string {
  const chains = ['DOCKER-USER', 'INPUT'].map((chain) => shell(`iptables -w -S ${chain}`));
  const traces = shell('(iptables-save; ip6tables-save) | grep MCP-EGRESS || :');
  return [...chains, traces].join('');
}

function docker(...args: string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8' }).trim();
}

function shell(command: string): string {
  return execFileSync('sh', ['-c', command], { encoding: 'utf8' });
}
