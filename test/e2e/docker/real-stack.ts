/** A folder with what the real stack has, and this repository in it, as a user would have it. */
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker, type Outcome, repository, tryDocker } from './docker.js';

export const PROJECT = 'egress-stack';
const RANGE = `MCP_TOOLS_SUBNET=10.231.249.0/24
MCP_TOOLS_IP_RANGE=10.231.249.64/26
EGRESS_PROXY_ADDRESS=10.231.249.250
MCP_TOOLS_NETWORK=egress-stack-mcp-tools
MCP_EGRESS_NETWORK=egress-stack-mcp-egress
`;

export interface RealStack {
  readonly folder: string;
  /** One of the stack's own commands, or the installer. */
  run(program: string, ...args: string[]): Promise<Outcome>;
  compose(...args: string[]): Promise<string>;
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
  remove(): Promise<void>;
}

/** `env`: more lines of .env; its last line has no end, as in many a real one. */
export async function realStack(env: string): Promise<RealStack> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-stack-'));
  await cp(`${repository}test/e2e/docker/stack`, folder, { recursive: true });
  for (const script of ['compose', 'make-up', 'ops']) await chmod(join(folder, script), 0o755);
  const copy = join(folder, 'mcp-egress-proxy');
  for (const part of ['docker', 'config', 'compose.override.yml']) {
    await cp(join(repository, part), join(copy, part), { recursive: true });
  }
  await writeFile(join(folder, '.env'), `${RANGE}${env}\nSECRET=last-line`);
  await writeFile(join(folder, 'make.env'), RANGE);
  // Without its own engine variables a wrapper of the stack would talk to another engine than the test.
  const clean = { ...process.env, COMPOSE_FILE: undefined };
  return {
    folder,
    run: (program, ...args) => tryDocker(args, { program: join(folder, program), cwd: folder, env: clean }),
    compose: (...args) => docker(['compose', ...args], { cwd: folder }),
    read: (file) => readFile(join(folder, file), 'utf8'),
    write: (file, text) => writeFile(join(folder, file), text),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
