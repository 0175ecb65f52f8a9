/** The Windows script, in a stack of its own, executed by PowerShell 7: `POWERSHELL` names it, or it is on the PATH. No PowerShell is a failure, never a skip. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));

/** The script of the copy of this repository in `stack`. */
export async function runScript(stack: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const pwsh = process.env.POWERSHELL ?? 'pwsh';
  const stackDir = args.includes('-StackDir') ? [] : ['-StackDir', stack];
  const script = join(stack, 'mcp-egress-proxy/docker/host/ssrf-egress-block.ps1');
  const child = spawn(pwsh, ['-NoProfile', '-NonInteractive', '-File', script, ...stackDir, ...args], {
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

/** A stack with these files, and what its compose files need of this repository, as a clone inside it. */
export function stackOf(t: Pick<TestContext, 'after'>, files: Readonly<Record<string, string>>): string {
  const stack = folderOf(t, files);
  for (const name of ['compose.override.yml', 'docker', 'config'])
    cpSync(join(REPOSITORY, name), join(stack, 'mcp-egress-proxy', name), { recursive: true });
  return stack;
}

/** A folder that goes when the test ends, with these files in it. */
export function folderOf(t: Pick<TestContext, 'after'>, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'egress-stack-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

/** Every file of the stack itself with its bytes: what a failed step must leave. */
export function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), 'latin1')]));
}

export interface FakeDocker {
  readonly env: NodeJS.ProcessEnv;
  /** The commands that it was given, in order. */
  calls(): string[];
}

export interface FakeAnswers {
  readonly compose?: string;
  /** Exit code of `docker compose up`. */
  readonly up?: number;
  /** Exit code of `docker version`: 1 where no engine runs. */
  readonly version?: number;
  /** What `docker compose ps -q` prints. */
  readonly running?: string;
  /** Exit code of `docker run`, as the probe's. */
  readonly probe?: number;
}

/** A `docker` that writes down what it is asked for, and answers as told; configurations are read by the real one. */
export function fakeDocker(t: TestContext, answers: FakeAnswers = {}): FakeDocker {
  const { compose = '2.40.3', up = 0, version = 0, running = '', probe = 0 } = answers;
  const log = join(folderOf(t, { calls: '' }), 'calls');
  const real = execFileSync('sh', ['-c', 'command -v docker'], { encoding: 'utf8' }).trim();
  const program = `#!/bin/sh
echo "$*" >> '${log}'
case "$*" in
  "version --format"*) [ ${version} = 0 ] && echo 28.5.2; exit ${version} ;;
  "compose version --short") echo ${compose} ;;
  "compose ps -q"*) printf '%s' '${running}' ;;
  "compose up"*) exit ${up} ;;
  compose*config) exec '${real}' "$@" ;;
  "inspect --format {{.Config.Image}}"*) echo mcp-egress-proxy ;;
  "inspect --format"*) printf 'stack-egress\\nstack-tools\\n' ;;
  "network inspect"*stack-egress) echo 'false {"com.docker.compose.network":"egress"}' ;;
  "network inspect"*) echo 'true {"com.docker.compose.network":"mcp-tools"}' ;;
  "run --rm"*) echo 'the table'; exit ${probe} ;;
esac
`;
  const bin = folderOf(t, { docker: program });
  chmodSync(join(bin, 'docker'), 0o755);
  return {
    env: { PATH: `${bin}:${process.env.PATH}` },
    calls: () => readFileSync(log, 'utf8').trim().split('\n'),
  };
}
