/** What tunnels carried: those that are closed, and those that are open now. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CloseCause, DecisionSink } from './record.js';

export interface TunnelBytes {
  readonly up: number;
  readonly down: number;
}

const TUNNEL_SECONDS = [0.1, 1, 10, 60, 600, 3600, 36_000];

/** `open`: bytes that the tunnels which are open now have carried so far. */
export function countTunnels(registry: Registry, open: () => TunnelBytes): DecisionSink['closed'] {
  const registers = [registry];
  const sums = { up: 0, down: 0 };
  const causes = new Map<CloseCause, number>();
  const bytes = new Counter({
    name: 'egress_tunnel_bytes_total',
    help: 'Bytes of closed tunnels; up is from the client.',
    labelNames: ['direction'],
    registers,
    collect() {
      bytes.reset();
      bytes.inc({ direction: 'up' }, sums.up);
      bytes.inc({ direction: 'down' }, sums.down);
    },
  });
  const openBytes = new Gauge({
    name: 'egress_open_tunnel_bytes',
    help: 'Bytes that the tunnels which are open now have carried so far; up is from the client.',
    labelNames: ['direction'],
    registers,
    collect() {
      const { up, down } = open();
      openBytes.set({ direction: 'up' }, up);
      openBytes.set({ direction: 'down' }, down);
    },
  });
  const closed = new Counter({
    name: 'egress_tunnels_closed_total',
    help: 'Closed tunnels by cause.',
    labelNames: ['cause'],
    registers,
    collect() {
      closed.reset();
      for (const [cause, count] of causes) closed.inc({ cause }, count);
    },
  });
  const duration = new Histogram({
    name: 'egress_tunnel_seconds',
    help: 'How long closed tunnels were open.',
    buckets: TUNNEL_SECONDS,
    registers,
  });
  return (record) => {
    sums.up += record.bytesUp;
    sums.down += record.bytesDown;
    causes.set(record.cause, (causes.get(record.cause) ?? 0) + 1);
    if (Number.isFinite(record.durationMs)) duration.observe(record.durationMs / 1000);
  };
}
