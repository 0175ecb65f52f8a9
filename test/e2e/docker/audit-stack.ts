/** A small stack with ten planted faults on a real engine, and the audit of it, as a person would run it. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { docker, type Outcome } from './docker.js';

export const PROJECT = 'egress-audit';
const MAIN = fileURLToPath(new URL('../../../proxy/main.js', import.meta.url));

export interface Finding {
  readonly id: string;
  readonly status: string;
  readonly service: string | null;
  readonly message: string;
  readonly fix: { readonly override: string | null; readonly sh: readonly string[] } | null;
}

const SERVICE = `
    image: mcp-egress-demo
    command: [sleep, infinity]
    stop_grace_period: 0s`;
const HARD = `
    user: "1000:1000"
    cap_drop: [ALL]
    read_only: true
    security_opt: ["no-new-privileges:true"]`;

/** `private`: whether the network of that name is internal, as it is in the file later on. */
function composeFile(isPrivate: boolean): string {
  const closed = 'driver_opts: { com.docker.network.bridge.inhibit_ipv4: "true" }';
  return `name: ${PROJECT}
services:
  mcp-gateway:${SERVICE}
    networks: [mcp-tools]
  ops-controller:${SERVICE}${HARD}
    environment: { OPS_CONTROLLER_TOKEN: "\${OPS_CONTROLLER_TOKEN}" }
    networks: [backend]
    ports: ["9000"] # fault 1: published
  dashboard:${SERVICE}${HARD}
    environment: { OPS_CONTROLLER_TOKEN: "\${OPS_CONTROLLER_TOKEN}" } # fault 2: no password
    networks: [frontend, backend]
    ports: ["8080"]
  model-gateway:${SERVICE}
    # faults 3 and 4: root, with Docker's capabilities
    read_only: true
    security_opt: ["no-new-privileges:true"]
    networks: [frontend, backend]
  open-webui:${SERVICE}
    environment: { WEBUI_AUTH: "False" } # fault 5: no login
    networks: [frontend]
    ports: ["8080"]
  qdrant:${SERVICE}
    networks: [private]
networks:
  frontend: {}
  backend: {} # fault 6: not internal
  mcp-tools: { internal: true, ${closed} }
  private: { ${isPrivate ? 'internal: true, ' : ''}${closed} } # fault 7: made before the file said internal
`;
}

export interface AuditStack {
  readonly folder: string;
  /** A shell command in the folder of the stack, with the override files so far. */
  sh(command: string): Promise<Outcome>;
  audit(): Promise<readonly Finding[]>;
  /** What a remedy says to merge into the override. */
  override(yaml: string): void;
  remove(): Promise<void>;
}

/** Up and running, with every fault in it. */
export async function startFaultyStack(): Promise<AuditStack> {
  const folder = mkdtempSync(join(tmpdir(), 'egress-audit-'));
  const files = ['docker-compose.yml'];
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
  const variables = (token: string): string =>
    // Faults 8 and 9: a default for a password, and a file that everyone can read.
    `OPS_CONTROLLER_TOKEN=${token}\nN8N_PASSWORD=changeme\nDATA_PATH=./data\n`;
  mkdirSync(join(folder, 'data', 'mcp'), { recursive: true });
  write('data/mcp/servers.txt', 'duckduckgo\n');
  write('policy.yaml', 'version: 1\npolicy: { default: none }\n');
  write('docker-compose.yml', composeFile(false));
  write('.env', variables('0123456789abcdef'.repeat(3)));
  const sh = (command: string): Promise<Outcome> =>
    run('sh', ['-c', command], folder, { COMPOSE_FILE: files.join(':') });
  const stack: AuditStack = {
    folder,
    sh,
    audit: async () => {
      const { stdout: compose } = await sh(`docker compose --profile '*' config --format json`);
      const args = ['audit', '--compose', '-', '--env', '.env', '--config', 'policy.yaml', '--format', 'json'];
      const { stdout, stderr } = await run(process.execPath, [MAIN, ...args], folder, {}, compose);
      if (stderr !== '') throw new Error(stderr);
      return JSON.parse(stdout).findings;
    },
    override: (yaml) => {
      const name = `compose.fix-${files.length}.yml`;
      write(name, `${yaml}\n`);
      files.push(name);
    },
    remove: async () => {
      await docker(['compose', '--project-name', PROJECT, 'down', '--timeout', '0']);
      rmSync(folder, { recursive: true });
    },
  };
  await docker(['compose', '--project-name', PROJECT, 'down', '--timeout', '0']);
  const up = await sh('docker compose up -d');
  if (up.code !== 0) throw new Error(up.stderr);
  write('docker-compose.yml', composeFile(true));
  // Fault 10: changed after the containers were made.
  write('.env', variables('fedcba9876543210'.repeat(3)));
  chmodSync(join(folder, '.env'), 0o644);
  return stack;
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<Outcome> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env } });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
