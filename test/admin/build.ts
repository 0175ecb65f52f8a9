/** An admin API over a ring of its own, for tests. */
import { Registry } from 'prom-client';
import { buildAdmin } from '../../proxy/admin/admin.js';
import type { AdminOptions } from '../../proxy/admin/options.js';
import { decisionJson } from '../../proxy/observe/json-line.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { createRing } from '../../proxy/observe/ring.js';
import { createSpawnRing } from '../../proxy/observe/spawn-ring.js';

export function adminWith(change: Partial<AdminOptions> = {}) {
  const ring = createRing(1000);
  const options: AdminOptions = {
    state: () => 'ready',
    check: async (target, client) => ({
      outcome: 'deny',
      reason: 'metadata-address',
      status: 403,
      rule: 'never:169.254.169.254/32',
      host: '169.254.169.254',
      port: 80,
      addresses: [],
      explanation: `${target} for ${client}`,
    }),
    ring,
    spawns: createSpawnRing(),
    registry: new Registry(),
    policyView: () => ({
      digest: 'd1',
      mode: 'enforce',
      default: 'public',
      sni: 'log',
      requires: 'optional',
      showAddresses: 'named',
      nat64: [],
      private: [],
      allow: [],
      deny: [],
      internal: [],
      clients: [
        { name: 'github', address: null, server: null, pods: null, token: true, default: 'public', mode: 'enforce' },
      ],
      warnings: [],
    }),
    token: null,
    loopback: true,
  };
  // Not a spread: a test may change what a getter says.
  const app = buildAdmin(Object.defineProperties(options, Object.getOwnPropertyDescriptors(change)));
  const add = (...records: readonly DecisionRecord[]) => {
    for (const record of records) ring.decision(record, decisionJson(record));
  };
  return { app, ring, add };
}
