/**
 * What a spawn through the guard costs: CPU of the guard for each, and its resident memory, with the Docker CLI and a real
 * engine. `node dist/test/bench/spawn.js [COUNT]`; prints one row for the table in README.md.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BASE_ARGS, IMAGE, openLab } from '../e2e/docker/guard-lab.js';

const COUNT = Number(process.argv[2] ?? 30);
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time of a process, in ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

function kilobytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

const lab = await openLab();
try {
  const run = [...BASE_ARGS.split(' '), '-l', 'docker-mcp-name=fetch', IMAGE, 'true'];
  await lab.cli(run);
  const before = cpuMs(lab.pid());
  for (let i = 0; i < COUNT; i++) await lab.cli(run);
  const each = (cpuMs(lab.pid()) - before) / COUNT;
  await Promise.all(Array.from({ length: 20 }, () => lab.cli(run)));
  const [now, most] = [kilobytes(lab.pid(), 'VmRSS'), kilobytes(lab.pid(), 'VmHWM')];
  const mib = (value: number): string => (value / 1024).toFixed(1);
  process.stdout.write(
    `| spawn through the guard | ${each.toFixed(1)} ms CPU | ${mib(now)} MiB, at most ${mib(most)} MiB |\n`,
  );
} finally {
  await lab.close();
}
