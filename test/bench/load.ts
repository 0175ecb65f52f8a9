/** One run of the load generator against a contender, and what is kept of it. */
import type { Contender, Field, Standing } from './contenders.js';
import { capture } from './process.js';
import { ORIGIN_ADDRESS } from './sandbox.js';

export interface Sample {
  /** In the workload's unit; null: there is no such figure (a contender without a process has no CPU time). */
  readonly value: number | null;
  /** What a person wants beside it: throughput, latency, or what went wrong. */
  readonly note: string;
  readonly errors: number;
}

export interface LoadResult {
  readonly units: number;
  readonly errors: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly note: string;
}

export interface Work {
  readonly op: string;
  readonly target: string;
  /** Per connection. */
  readonly count: number;
  readonly connections: number;
  /** The first connection comes from this address, each of the others from the next one; absent: all from one. */
  readonly source?: string;
}

export const GIB = 2 ** 30;

/** Runs the load generator against a contender. */
export async function load(contender: Contender, standing: Standing, field: Field, work: Work): Promise<LoadResult> {
  const result: LoadResult = JSON.parse(
    await capture(field.programs.load, loadArguments(contender, standing, field, work)),
  );
  const { exitCode = null, signalCode = null } = standing.running?.child ?? {};
  if (exitCode !== null || signalCode !== null)
    throw new Error(`${contender.name} has ended with ${exitCode ?? signalCode} under ${work.op}`);
  return result;
}

/** The command line of the load generator. */
export function loadArguments(contender: Contender, standing: Standing, field: Field, work: Work): string[] {
  const to = contender.isProxy ? work.target : passedThrough(standing, field, work.op);
  const proxy = contender.isProxy ? `127.0.0.1:${standing.port}` : '-';
  const source = work.source === undefined ? [] : [work.source];
  return [work.op, proxy, to, String(work.count), String(work.connections), ...source];
}

function passedThrough(standing: Standing, field: Field, op: string): string {
  if (standing.running !== null) return `127.0.0.1:${standing.port}`;
  return `${ORIGIN_ADDRESS}:${op === 'get' ? field.origin.http : field.origin.stream}`;
}
