/**
 * What a spawn through the guard costs, with the Docker CLI as a gateway drives it and a real engine: CPU of the guard, which
 * is what a spawn takes more than straight to the engine's socket, and its resident memory after twenty at once.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tryDocker } from '../e2e/docker/docker.js';
import { BASE_ARGS, IMAGE, type Lab, openLab } from '../e2e/docker/guard-lab.js';
import type { Sample } from './load.js';
import { cellOf, say } from './report.js';
import type { Results } from './results.js';
import type { Workload } from './workloads.js';

export const SPAWN_ROWS = [
  { name: 'spawn-cpu', title: 'spawn through the guard: its CPU, over straight to the socket', unit: 'ms each' },
  { name: 'spawn-memory', title: 'spawn through the guard: resident after twenty at once', unit: 'MiB' },
] as const satisfies readonly Pick<Workload, 'name' | 'title' | 'unit'>[];

const AT_ONCE = 20;
const RUN = [...BASE_ARGS.split(' '), '-l', 'docker-mcp-name=fetch', IMAGE, 'true'];

/** Of `repeats` rounds with `count` spawns each; empty, with a line that says so, where no engine runs. */
export async function spawnResults(repeats: number, count: number): Promise<Results> {
  const engine = await tryDocker(['info', '--format', '{{.ServerVersion}}']).catch(() => null);
  if (engine?.code !== 0) {
    say('skipped: spawns through the guard, for no Docker engine answers');
    return {};
  }
  const lab = await openLab();
  try {
    await spawn(lab);
    const cpu: Sample[] = [];
    const memory: Sample[] = [];
    for (let round = 0; round < repeats; round++) {
      cpu.push(sampleOf(await cpuOfEach(lab, count), `engine ${engine.stdout.trim()}`));
      await Promise.all(Array.from({ length: AT_ONCE }, () => spawn(lab)));
      const most = (residentKib(lab.pid(), 'VmHWM') / 1024).toFixed(1);
      memory.push(sampleOf(residentKib(lab.pid(), 'VmRSS') / 1024, `at most ${most}`));
    }
    return { 'spawn-cpu': { ours: cellOf(cpu) }, 'spawn-memory': { ours: cellOf(memory) } };
  } finally {
    await lab.close();
  }
}

async function cpuOfEach(lab: Lab, count: number): Promise<number> {
  const before = cpuMs(lab.pid());
  for (let i = 0; i < count; i++) await spawn(lab);
  return (cpuMs(lab.pid()) - before) / count;
}

async function spawn(lab: Lab): Promise<void> {
  const { code, stderr } = await lab.cli(RUN);
  if (code !== 0) throw new Error(`a spawn ended with ${code}: ${stderr}`);
}

function sampleOf(value: number, note: string): Sample {
  return { value, note, errors: 0 };
}

/** User and system time of a process. */
function cpuMs(pid: number): number {
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

function residentKib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
