/** What was forbidden while a request waited for DNS is not dialled: its Permit is of a policy that is no longer in force. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { addressFromBytes } from '../../proxy/core/address.js';
import { createCountingDialer } from '../http/counting-dialer.js';
import { configOf, startProxy } from '../http/start-proxy.js';

const PUBLIC = addressFromBytes([93, 184, 215, 14]);
const REQUESTS = [
  ['a CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n'],
  ['a request in absolute-form', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'],
] as const;

for (const [name, bytes] of REQUESTS) {
  for (const [change, policy, dials] of [
    ['denies its host', { deny: [{ host: 'a.test' }] }, 0],
    ['denies its address', { deny: [{ address: '93.184.215.0/24' }] }, 0],
    ['says nothing of it', { deny: [{ host: 'b.test' }] }, 1],
  ] as const) {
    test(`${name} that waits for DNS is dialled ${dials} times where a reload ${change}`, async (t) => {
      const dns = new EventEmitter();
      const [asked, answer] = [once(dns, 'asked'), once(dns, 'answer')];
      const dialer = createCountingDialer();
      const resolver = {
        resolve: async () => {
          dns.emit('asked');
          await answer;
          return [PUBLIC];
        },
        reverse: async () => null,
      };
      const proxy = await startProxy({ config: { policy: { default: 'public', sni: 'off' } }, dialer, resolver });
      t.after(() => proxy.stop());
      const client = await proxy.connect();
      client.on('error', () => client.destroy()).write(bytes);
      await asked;
      await proxy.app.reload(await configOf({ version: 1, policy: { default: 'public', sni: 'off', ...policy } }));
      dns.emit('answer');
      const record = await proxy.decision(0);
      assert.equal(record.reason?.endsWith('-denied') ?? false, dials === 0, String(record.reason));
      client.end().resume();
      await once(client, 'close');
      assert.equal(dialer.permits.length, dials);
      assert.deepEqual(proxy.defects, []);
    });
  }
}
