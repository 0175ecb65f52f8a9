/** Addresses that the resolver knows without DNS are judged like any others, and nothing is asked for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../proxy/core/address.js';
import { EgressError } from '../../proxy/core/reasons.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { startProxy } from '../http/start-proxy.js';
import { promisedDialer } from '../net/promised-dialer.js';

async function decisionOn(known: readonly string[]): Promise<DecisionRecord> {
  const proxy = await startProxy({
    resolver: {
      known: () => known.flatMap((text) => parseAddress(text) ?? []),
      resolve: () => assert.fail('it is known'),
      reverse: async () => null,
    },
    dialer: promisedDialer(() => Promise.reject(new EgressError('connect-refused'))),
  });
  try {
    const socket = await proxy.connect();
    socket.write('CONNECT known.test:443 HTTP/1.1\r\nHost: known.test:443\r\n\r\n');
    socket.resume();
    const decision = await proxy.decision(0);
    socket.destroy();
    assert.deepEqual(proxy.defects, []);
    return decision;
  } finally {
    await proxy.stop();
  }
}

test('what is allowed is dialled', async () => {
  const { reason, addresses, dnsMs } = await decisionOn(['8.8.8.8']);
  assert.deepEqual({ reason, addresses, dnsMs }, { reason: 'connect-refused', addresses: ['8.8.8.8'], dnsMs: 0 });
});

test('a private address is refused, and an answer that mixes it with a public one', async () => {
  assert.equal((await decisionOn(['192.168.1.7'])).reason, 'address-prohibited');
  assert.equal((await decisionOn(['8.8.8.8', '192.168.1.7'])).reason, 'mixed-answer');
});
