/** What a door is made of, for one that no configuration opens: names from the table, one origin on loopback. */
import { once } from 'node:events';
import net from 'node:net';
import { closedPolicy } from '../../proxy/config/compile.js';
import { parseAddress } from '../../proxy/core/address.js';
import { EgressError } from '../../proxy/core/reasons.js';
import { Arrivals } from '../../proxy/door/arrivals.js';
import { type ConnectionLimits, createConnectionLimits } from '../../proxy/door/connection-limits.js';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { createMemoryBudget } from '../../proxy/net/memory-budget.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { configOf } from '../http/start-proxy.js';
import { promisedDialer } from '../net/promised-dialer.js';
import { NAMES } from './stand.js';

export interface DoorParts {
  readonly arrivals: Arrivals;
  readonly connectionLimits: ConnectionLimits;
  readonly records: DecisionRecord[];
}

/** `origin`: the local port that every permit is dialled as. */
export async function doorParts(origin: number, onDefect: (error: unknown) => void = thrown): Promise<DoorParts> {
  const config = await configOf({ version: 1 });
  const inForce = { settings: { ...config, policy: closedPolicy({ default: 'public' }) } };
  const records: DecisionRecord[] = [];
  const arrivals = new Arrivals({
    gate: { resolver: NAMED, dialer: dialerTo(origin), own: () => ({ addresses: [], ports: new Set(), host: [] }) },
    inForce,
    records: { sink: { decision: (record) => records.push(record), closed: () => undefined } },
    labels: { of: async () => null },
    leases: null,
    pods: { of: () => null },
    newId: () => String(records.length),
    reads: new DirectReads(Buffer.allocUnsafeSlow(64 * 1024)),
    deadlines: new Deadlines(),
    memory: createMemoryBudget(inForce),
    onDefect,
  });
  return { arrivals, connectionLimits: createConnectionLimits(inForce), records };
}

function thrown(error: unknown): void {
  throw error;
}

const NAMED = {
  resolve: async (name: string) => (NAMES[name] ?? []).flatMap((text) => parseAddress(text) ?? []),
  reverse: async () => null,
};

function dialerTo(port: number) {
  return promisedDialer(async (permit) => {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect').catch(() => {
      throw new EgressError('connect-refused');
    });
    return { socket, address: permit.addresses[0] };
  });
}
