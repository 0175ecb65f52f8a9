/** The targets: ours against another contender in the same run, or against a figure. */
import type { Results } from './results.js';

interface Target {
  readonly workload: string;
  /** Another contender, another workload of ours, or null for an absolute figure. */
  readonly against: { readonly contender: string; readonly workload?: string } | null;
  readonly limit: number;
}

export interface Outcome {
  readonly workload: string;
  readonly text: string;
  readonly actual: number | null;
  readonly limit: number;
  readonly holds: boolean;
}

const TARGETS: readonly Target[] = [
  { workload: 'download-1', against: { contender: 'c-relay' }, limit: 1.25 },
  { workload: 'download-1', against: { contender: 'squid' }, limit: 0.65 },
  { workload: 'download-8', against: { contender: 'c-relay' }, limit: 1.3 },
  { workload: 'download-8', against: { contender: 'squid' }, limit: 0.65 },
  { workload: 'upload-1', against: { contender: 'squid' }, limit: 0.8 },
  { workload: 'setup-address', against: { contender: 'squid' }, limit: 0.95 },
  { workload: 'setup-address', against: { contender: 'node-pipe' }, limit: 1.15 },
  { workload: 'setup-name', against: { contender: 'ours', workload: 'setup-address' }, limit: 1.03 },
  { workload: 'refused', against: { contender: 'squid' }, limit: 0.75 },
  { workload: 'get', against: { contender: 'squid' }, limit: 1 },
  { workload: 'get', against: { contender: 'undici' }, limit: 0.95 },
  { workload: 'busy-10-of-5000', against: { contender: 'ours', workload: 'busy-10' }, limit: 1.15 },
  { workload: 'idle-memory', against: null, limit: 12 },
  { workload: 'cold-start', against: { contender: 'node-pipe' }, limit: 1.5 },
  { workload: 'idle-rss', against: null, limit: 64 },
  { workload: 'latency', against: { contender: 'squid' }, limit: 1 },
  { workload: 'exact', against: null, limit: 0 },
  { workload: 'spawn-cpu', against: null, limit: 20 },
  { workload: 'spawn-memory', against: null, limit: 64 },
];

export function outcomes(results: Results): readonly Outcome[] {
  return TARGETS.map(({ workload, against, limit }) => {
    const ours = results[workload]?.ours?.median ?? null;
    const other = against === null ? 1 : (results[against.workload ?? workload]?.[against.contender]?.median ?? null);
    const actual = ours === null || other === null ? null : ours / other;
    const to = against === null ? '' : ` : ${against.contender}${against.workload ? ` ${against.workload}` : ''}`;
    return { workload, text: `${workload}${to}`, actual, limit, holds: actual !== null && actual <= limit };
  });
}
