/** What is measured, and in which unit. */
import { type Ability, type Contender, cpuOf, type Field, type Standing } from './contenders.js';
import { busyBesideIdle, coldStart, idleMemory, idleRss, latencyBeside, startCpu } from './fresh.js';
import { GIB, load, type Sample } from './load.js';
import { ORIGIN_ADDRESS, ORIGIN_NAME, REFUSED_ADDRESS } from './sandbox.js';

export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly needs: Ability;
  /** With a process of its own per sample, instead of the one that stands through the whole run. */
  readonly isFresh: boolean;
  run(contender: Contender, standing: Standing | null, field: Field): Promise<Sample>;
}

export function workloads(smoke: boolean): readonly Workload[] {
  const scale = smoke ? 1 / 64 : 1;
  return [
    bulk('download-1', 'download, 1 tunnel', 'down', 2 * GIB * scale, 1),
    bulk('download-8', 'download, 8 tunnels', 'down', (GIB / 4) * scale, 8),
    bulk('upload-1', 'upload, 1 tunnel', 'up', 2 * GIB * scale, 1),
    bulk('upload-8', 'upload, 8 tunnels', 'up', (GIB / 4) * scale, 8),
    each(
      'setup-address',
      'tunnel set-up by address',
      'tunnel',
      'setup',
      Math.ceil(500 * scale),
      ({ stream }) => `${ORIGIN_ADDRESS}:${stream}`,
    ),
    each(
      'setup-name',
      'tunnel set-up by cached name',
      'name',
      'setup',
      Math.ceil(500 * scale),
      ({ stream }) => `${ORIGIN_NAME}:${stream}`,
    ),
    each('refused', 'refused CONNECT', 'refuse', 'refused', Math.ceil(750 * scale), () => `${REFUSED_ADDRESS}:9`),
    each(
      'get',
      'keep-alive GET of 1 KiB',
      'forward',
      'get',
      Math.ceil(1500 * scale),
      ({ http }) => `${ORIGIN_ADDRESS}:${http}`,
    ),
    {
      ...fresh('busy-10', 'download, 10 tunnels of 10', 'CPU s/GiB', 'tunnel'),
      run: busyBesideIdle((GIB / 4) * scale, 0),
    },
    {
      ...fresh('busy-10-of-5000', 'download, 10 tunnels of 5,000', 'CPU s/GiB', 'tunnel'),
      run: busyBesideIdle((GIB / 4) * scale, smoke ? 90 : 4990),
    },
    {
      ...fresh('latency', 'one at a time, 1,000 tunnels move, 2,000/s refused', 'us, p99', 'refuse'),
      run: smoke
        ? latencyBeside({ tunnels: 10, refusals: 20, warmUp: 20 }, 20)
        : latencyBeside({ tunnels: 1000, refusals: 2000, warmUp: 8000 }, 5000),
    },
    { ...fresh('idle-memory', 'memory per idle tunnel', 'KiB', 'tunnel'), run: idleMemory(smoke ? 100 : 5000) },
    { ...fresh('cold-start', 'cold start to first proxied request', 'ms', 'tunnel'), run: coldStart },
    { ...fresh('start-cpu', 'CPU of a cold start to first proxied request', 'ms', 'tunnel'), run: startCpu },
    { ...fresh('idle-rss', 'resident memory when idle', 'MiB', 'tunnel'), run: idleRss },
    exactness(Math.ceil(64 * 2 ** 20 * scale)),
  ];
}

function bulk(name: string, title: string, op: string, bytes: number, connections: number): Workload {
  return {
    name,
    title,
    unit: 'CPU s/GiB',
    needs: 'tunnel',
    isFresh: false,
    async run(contender, standing, field) {
      if (standing === null) throw new Error('nobody to measure');
      const before = cpuOf(standing);
      const target = `${ORIGIN_ADDRESS}:${field.origin.stream}`;
      const result = await load(contender, standing, field, { op, target, count: bytes, connections });
      const gib = result.units / GIB;
      const value = standing.running === null || gib === 0 ? null : (cpuOf(standing) - before) / 1000 / gib;
      return { value, note: `${(gib / result.seconds).toFixed(2)} GiB/s`, errors: result.errors };
    },
  };
}

const CONNECTIONS = 16;

function each(
  name: string,
  title: string,
  needs: Ability,
  op: string,
  count: number,
  target: (ports: Field['origin']) => string,
): Workload {
  return {
    name,
    title,
    unit: 'CPU us each',
    needs,
    isFresh: false,
    async run(contender, standing, field) {
      if (standing === null) throw new Error('nobody to measure');
      const work = { op, target: target(field.origin), count, connections: CONNECTIONS };
      const before = cpuOf(standing);
      const result = await load(contender, standing, field, work);
      const isCounted = standing.running !== null && result.units > 0;
      const value = isCounted ? ((cpuOf(standing) - before) * 1000) / result.units : null;
      const rate = Math.round(result.units / result.seconds);
      return { value, note: `${rate}/s, p50 ${result.p50} us, p99 ${result.p99} us`, errors: result.errors };
    },
  };
}

function exactness(bytes: number): Workload {
  return {
    name: 'exact',
    title: 'half-close kept, byte-exact',
    unit: 'faults',
    needs: 'tunnel',
    isFresh: false,
    async run(contender, standing, field) {
      if (standing === null) throw new Error('nobody to measure');
      const target = `${ORIGIN_ADDRESS}:${field.origin.stream}`;
      const result = await load(contender, standing, field, { op: 'exact', target, count: bytes, connections: 1 });
      return { value: result.errors, note: result.note === '' ? 'all kept' : result.note, errors: 0 };
    },
  };
}

function fresh(name: string, title: string, unit: string, needs: Ability): Omit<Workload, 'run'> {
  return { name, title, unit, needs, isFresh: true };
}
