/** What the proxy's process holds, by `/proc`. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many files the process may open: Node has raised the soft limit to the hard one. */
export function openFilesLimit(pid: number): number {
  const match = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN);
}

/** In MiB. */
export function residentMemory(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN) / 1024;
}

/** The count once it is at most `most`, or after `seconds` as it is then. */
export async function settledFiles(pid: number, most: number, seconds: number): Promise<number> {
  const end = Date.now() + seconds * 1000;
  while (openFiles(pid) > most && Date.now() < end) await setTimeout(100);
  return openFiles(pid);
}

/** Milliseconds of CPU that all its threads have had. */
export function processorTime(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, id) => sum + Number(firstOf(`/proc/${pid}/task/${id}/schedstat`)) / 1e6, 0);
}

/** A thread may have ended by now. */
function firstOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').split(' ', 1)[0] ?? '0';
  } catch {
    return '0';
  }
}
