/** Processes under measurement: start, CPU time and memory from /proc, stop. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
}

export async function start(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error(`${command} has no process id`);
  return { child, pid: child.pid };
}

export async function stop(running: Running): Promise<void> {
  const { child } = running;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(killer);
}

/** Runs to the end and answers standard output; throws where it fails. */
export async function capture(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
  return text;
}

/** The first line that a process prints, as JSON. */
export async function firstLine(running: Running): Promise<Record<string, number>> {
  let text = '';
  for await (const piece of running.child.stdout ?? []) {
    text += String(piece);
    if (text.includes('\n')) return JSON.parse(text);
  }
  throw new Error('ended before its first line');
}

/** User and system time of a process with all its threads and descendants, in milliseconds; ticks are 10 ms. */
export function cpuMs(pid: number): number {
  let ticks = 0;
  for (const one of family(pid)) {
    const stat = readProc(`/proc/${one}/stat`);
    // The second field, the name, can hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks * 10;
}

/** CPU time of the threads that a process and its descendants have now, in milliseconds, to the microsecond: for what takes no second. */
export function threadsMs(pid: number): number {
  const threads = family(pid).flatMap((one) => tasksOf(one).map((task) => `/proc/${one}/task/${task}/schedstat`));
  return threads.reduce((sum, path) => sum + Number(readProc(path).split(' ')[0]), 0) / 1e6;
}

/** Resident memory of a process with its descendants, in KiB. */
export function rssKiB(pid: number): number {
  let sum = 0;
  for (const one of family(pid)) sum += Number(/VmRSS:\s+(\d+)/.exec(readProc(`/proc/${one}/status`))?.[1] ?? 0);
  return sum;
}

function family(pid: number): number[] {
  const all = [pid];
  for (const task of tasksOf(pid)) {
    const children = readProc(`/proc/${pid}/task/${task}/children`).trim();
    for (const child of children === '' ? [] : children.split(' ')) all.push(...family(Number(child)));
  }
  return all;
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Empty for a process that has ended in between. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
