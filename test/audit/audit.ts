/** The audit of a fixture stack: its files in a folder of their own, its engine a server that only this test can reach. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { CHECKS } from '../../proxy/audit/checks.js';
import { collect, type SourceOptions } from '../../proxy/audit/facts/collect.js';
import type { Facts } from '../../proxy/audit/facts/facts.js';
import type { Finding } from '../../proxy/audit/findings/finding.js';
import { runChecks } from '../../proxy/audit/run.js';
import { loadConfig } from '../../proxy/config/load.js';
import { socketFolder } from '../net/socket-folder.js';
import type { Stack } from './stack.js';
import { composeJson, containersJson, imageJson, networksJson } from './stack-json.js';

export const NOW = new Date('2026-11-26T08:00:00Z');

export interface Audited {
  readonly facts: Facts;
  readonly findings: readonly Finding[];
  /** Each request line that the engine saw. */
  readonly requests: readonly string[];
}

/** `.env`, `data` and what else a stack has on disk, in a folder that `use` may read. */
export async function withFiles<T>(stack: Stack, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = socketFolder('audit-');
  try {
    writeEnv(join(folder, '.env'), stack.env, stack.envMode);
    if (stack.toolEnv !== null) writeEnv(join(folder, 'mcp', '.env'), stack.toolEnv, 0o600);
    for (const [name, text] of Object.entries(stack.data)) {
      const path = join(folder, 'data', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode: 0o600 });
    }
    writeFileSync(join(folder, 'policy.yaml'), stack.policy);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeEnv(path: string, variables: Readonly<Record<string, string>>, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  chmodSync(path, mode);
}

/** An Engine API of one stack on a socket in `folder`, or on TCP. */
export async function withEngine<T>(
  stack: Stack,
  folder: string | null,
  use: (host: string, requests: string[]) => Promise<T>,
): Promise<T> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const answer = engineAnswer(stack, request.url ?? '');
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(JSON.stringify(answer ?? { message: 'not found' }));
  });
  const socket = folder === null ? null : join(folder, 'docker.sock');
  await new Promise<void>((resolve) => {
    if (socket === null) server.listen(0, '127.0.0.1', resolve);
    else server.listen(socket, resolve);
  });
  try {
    const at = server.address();
    const port = typeof at === 'object' && at !== null ? at.port : 0;
    return await use(socket === null ? `tcp://127.0.0.1:${port}` : `unix://${socket}`, requests);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function engineAnswer(stack: Stack, url: string): unknown {
  const { daemon } = stack;
  if (url === '/containers/json?all=1') return containersJson(stack).map(({ Id }) => ({ Id }));
  if (url === '/networks') return networksJson(stack);
  if (url === '/version') return { Version: daemon.version, ApiVersion: '1.51' };
  if (url === '/info') {
    const Plugins = { Authorization: daemon.authorization };
    return { SecurityOptions: daemon.securityOptions, OperatingSystem: daemon.operatingSystem, Plugins };
  }
  const [, kind = '', name = ''] = /^\/(containers|images)\/([^/]+)\/json$/.exec(url) ?? [];
  if (kind === 'images') return imageJson(stack, decodeURIComponent(name));
  return containersJson(stack).find(({ Id }) => Id === name);
}

/** Every check over every source of the stack. */
export function audit(
  stack: Stack,
  change: (options: SourceOptions) => SourceOptions = (options) => options,
): Promise<Audited> {
  return withFiles(stack, (folder) =>
    withEngine(stack, folder, async (DOCKER_HOST, requests) => {
      const config = loadConfig({ path: join(folder, 'policy.yaml'), env: {} });
      if (!config.ok) throw new Error('the policy of the fixture is wrong');
      const compose = stack.asked === null ? null : { text: JSON.stringify(composeJson(stack)), name: 'compose.json' };
      const options: SourceOptions = {
        project: null,
        compose,
        inspect: null,
        hostRules: { text: stack.hostRules, name: 'rules' },
        env: join(folder, '.env'),
        data: null,
        state: null,
        mostDays: 90,
        policy: config.config.policy,
        guard: config.config.guard,
        roles: config.config.audit.roles,
        engine: { DOCKER_HOST },
        now: NOW,
      };
      const { facts } = await collect(change(options));
      return { facts, findings: runChecks(CHECKS, facts, config.config.audit.ignore), requests };
    }),
  );
}

/** `id` or `id service` of each failure, in order. */
export function failures(findings: readonly Finding[]): readonly string[] {
  const failing = findings.filter(({ status }) => status === 'fail');
  return failing.map(({ id, service }) => (service === null ? id : `${id} ${service}`));
}
