/** A guard on this machine, before the engine of the tests, and the Docker CLI as a gateway drives it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { docker, type Outcome, type RunOptions, tryDocker, until } from './docker.js';
import { buildImages } from './images.js';

export const NETWORK = 'egress-guard-lab';
export const IMAGE = 'mcp/fetch';
export const GUARD_LABEL = `io.mcp-egress-proxy.guard=${NETWORK}`;
const MAIN = fileURLToPath(new URL('../../../proxy/main.js', import.meta.url));
const ENGINE = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');

/** The flags of docker/mcp-gateway for every tool that it starts. */
export const BASE_ARGS =
  `run --rm -i --init --security-opt no-new-privileges --cpus 1 --memory 2Gb --pull never -l docker-mcp=true ` +
  `-l docker-mcp-tool-type=mcp -l docker-mcp-transport=stdio`;

export interface Lab {
  readonly folder: string;
  readonly socket: string;
  readonly project: string;
  /** Of the guard that runs now. */
  pid(): number;
  start(): Promise<void>;
  stop(signal: NodeJS.Signals): Promise<void>;
  /** `docker ARGS` with the guard in place of the engine. */
  cli(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** The same, running. */
  spawnCli(args: readonly string[]): ChildProcess;
  /** Octets to the guard's socket, and what came back until it closed or was silent. */
  raw(octets: string | Buffer): Promise<string>;
  records(): Record<string, unknown>[];
  leases(): { readonly address: string; readonly server: string }[];
  close(): Promise<void>;
}

export async function openLab(): Promise<Lab> {
  await prepareEngine();
  const { folder, socket, leases, project } = await makeFolder();
  let child: ChildProcess | null = null;
  let output = '';
  const env = { DOCKER_HOST: `unix://${socket}` };
  const lab: Lab = {
    folder,
    socket,
    project,
    pid: () => child?.pid ?? 0,
    async start() {
      const flags = ['--max-semi-space-size=1', '--jitless', MAIN, 'guard', '--config', join(folder, 'policy.yaml')];
      const started = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
      started.stdout?.on('data', (chunk) => {
        output += chunk;
      });
      child = started;
      await until(
        'the guard listens',
        async () => (await lab.cli(['version', '--format', '{{.Server.Version}}'])).code === 0,
      );
    },
    async stop(signal) {
      if (child === null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
      child = null;
    },
    cli: (args, options = {}) => tryDocker(args, { ...options, env: { ...env, ...options.env } }),
    spawnCli: (args) => spawn('docker', args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] }),
    raw: (octets) => exchange(socket, octets),
    records: () =>
      output
        .split('\n')
        .filter((line) => line.includes('"event":"spawn"'))
        .map((line) => JSON.parse(line)),
    leases() {
      const path = join(leases, 'leases.json');
      return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).leases : [];
    },
    async close() {
      await lab.stop('SIGTERM');
      const left = (await docker(['ps', '-aq', '--filter', `label=${GUARD_LABEL}`]))
        .split('\n')
        .filter((id) => id !== '');
      if (left.length > 0) await docker(['rm', '-f', ...left]);
      await tryDocker(['volume', 'rm', 'egress-guard-lab-memory']);
      await docker(['network', 'rm', NETWORK]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await lab.start();
  return lab;
}

/** The image that stands for every tool, and the network of the tools. */
async function prepareEngine(): Promise<void> {
  await buildImages();
  await docker(['tag', 'mcp-egress-demo', IMAGE]);
  await tryDocker(['network', 'rm', NETWORK]);
  const shape = ['--internal', '--subnet', '10.231.251.0/24', '--ip-range', '10.231.251.64/26'];
  const closed = ['--opt', 'com.docker.network.bridge.inhibit_ipv4=true'];
  await docker(['network', 'create', ...shape, ...closed, NETWORK]);
}

async function makeFolder(): Promise<Readonly<Record<'folder' | 'socket' | 'leases' | 'project', string>>> {
  const folder = mkdtempSync(join(tmpdir(), 'egress-guard-lab-'));
  const [socket, leases, project] = [
    join(folder, 'guard/docker.sock'),
    join(folder, 'leases'),
    join(folder, 'project'),
  ];
  writeFileSync(join(folder, 'policy.yaml'), policy({ socket, leases, project }));
  await docker([
    'run',
    '--rm',
    '-v',
    `${folder}:/f`,
    'mcp-egress-demo',
    'sh',
    '-c',
    'mkdir /f/project && echo kept > /f/project/file',
  ]);
  return { folder, socket, leases, project };
}

function policy({ socket, leases, project }: Readonly<Record<'socket' | 'leases' | 'project', string>>): string {
  return `version: 1
guard:
  listen: ${socket}
  engine: ${ENGINE}
  leases: ${leases}
  network: ${NETWORK}
  images: ["docker.io/mcp/*"]
  limits: { memory: 512MiB }
  servers:
    fetch: {}
    files: { binds: [{ source: ${project} }] }
    writer: { binds: [{ source: ${project}, readOnly: false }] }
    memory: { volumes: [{ name: egress-guard-lab-memory }] }
    offline: { network: none }
`;
}

/** Ids of the containers that this guard has made. */
export async function guarded(): Promise<string[]> {
  const ids = await docker(['ps', '-aq', '--no-trunc', '--filter', `label=${GUARD_LABEL}`]);
  return ids.split('\n').filter((id) => id !== '');
}

const SILENCE_MS = 10_000;

function exchange(path: string, octets: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path, allowHalfOpen: true });
    let answer = '';
    const done = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('error', done);
    socket.on('close', done);
    socket.on('end', done);
    socket.setTimeout(SILENCE_MS, done);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(answer) ?? [];
      if (length !== undefined && answer.length >= answer.indexOf('\r\n\r\n') + 4 + Number(length)) done();
    });
    socket.write(octets);
  });
}
