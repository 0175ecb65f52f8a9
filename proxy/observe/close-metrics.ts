/** Metrics of what tunnels and forwarded requests carried: all that have ended, and the tunnels that are open now. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { Durations } from './durations.js';
import { type CloseCause, type CloseRecord, type DecisionSink, isOfTunnel } from './record.js';

export interface TunnelBytes {
  readonly up: number;
  readonly down: number;
}

const SECONDS = [0.1, 1, 10, 60, 600, 3600, 36_000];

/** `open`: the bytes that the open tunnels have carried so far. */
export function countCloses(registry: Registry, open: () => TunnelBytes): DecisionSink['closed'] {
  const tunnels = count(registry, {
    bytes: { name: 'egress_tunnel_bytes_total', help: 'Bytes of closed tunnels; up is from the client.' },
    closed: { name: 'egress_tunnels_closed_total', help: 'Closed tunnels by cause.' },
    duration: { name: 'egress_tunnel_seconds', help: 'How long closed tunnels were open.' },
  });
  const forwarded = count(registry, {
    bytes: {
      name: 'egress_forwarded_bytes_total',
      help: 'Bytes of forwarded requests and answers; up is to the origin.',
    },
    closed: {
      name: 'egress_forwarded_closed_total',
      help: 'Forwarded requests that were answered, by how they ended.',
    },
    duration: { name: 'egress_forwarded_seconds', help: 'Time from a forwarded request to the end of its answer.' },
  });
  const openBytes = new Gauge({
    name: 'egress_open_tunnel_bytes',
    help: 'Bytes carried so far by the tunnels that are open now; up is from the client.',
    labelNames: ['direction'],
    registers: [registry],
    collect() {
      const { up, down } = open();
      openBytes.set({ direction: 'up' }, up);
      openBytes.set({ direction: 'down' }, down);
    },
  });
  const answers = countAnswers(registry);
  return (record) => {
    if (isOfTunnel(record)) return tunnels(record);
    forwarded(record);
    answers(record);
  };
}

const CLASSES = [2, 3, 4, 5] as const;

/** Counts by the class of the status (RFC 9110 section 15); a request without an answer has none. */
function countAnswers(registry: Registry): (record: Pick<CloseRecord, 'status'>) => void {
  /** By the first digit of the status. */
  const counts = Array<number>(10).fill(0);
  const answers = new Counter({
    name: 'egress_forwarded_answers_total',
    help: 'Answers to forwarded requests by the class of their status.',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      answers.reset();
      for (const digit of CLASSES) answers.inc({ status: `${digit}xx` }, counts[digit]);
    },
  });
  return ({ status }) => {
    const digit = Math.floor((status ?? 0) / 100);
    counts[digit] = (counts[digit] ?? 0) + 1;
  };
}

type Named = { readonly name: string; readonly help: string };

function count(
  registry: Registry,
  names: { readonly bytes: Named; readonly closed: Named; readonly duration: Named },
): (record: CloseRecord) => void {
  const registers = [registry];
  const sums = { up: 0, down: 0 };
  const causes = new Map<CloseCause, number>();
  const bytes = new Counter({
    ...names.bytes,
    labelNames: ['direction'],
    registers,
    collect() {
      bytes.reset();
      bytes.inc({ direction: 'up' }, sums.up);
      bytes.inc({ direction: 'down' }, sums.down);
    },
  });
  const closed = new Counter({
    ...names.closed,
    labelNames: ['cause'],
    registers,
    collect() {
      closed.reset();
      for (const [cause, times] of causes) closed.inc({ cause }, times);
    },
  });
  const duration = new Durations({ ...names.duration, buckets: SECONDS, registry });
  return (record) => {
    sums.up += record.bytesUp;
    sums.down += record.bytesDown;
    causes.set(record.cause, (causes.get(record.cause) ?? 0) + 1);
    duration.add(record.durationMs);
  };
}
