import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TABLE_ALONE } from '../../proxy/core/special-purpose.js';
import { parseDnsName } from '../../proxy/core/target.js';
import { createResolver } from '../../proxy/net/resolver.js';
import { startFakeDns } from '../http/fake-dns.js';

test('of an answer with hundreds of addresses no record has to hold more than 64 of a family', async () => {
  const dns = await startFakeDns(({ type, name, over }) => {
    if (over === 'udp') return { truncated: true };
    const answers = Array.from({ length: 250 }, (_, i) => ({ type: 'A' as const, name, data: `8.8.8.${i}`, ttl: 60 }));
    return { answers: type === 'A' ? answers : [] };
  });
  const name = parseDnsName('many.example');
  if (name === null) throw new Error('no name');
  const resolver = createResolver({ servers: [dns.server], timeoutMs: 60_000, here: () => TABLE_ALONE });
  assert.equal((await resolver.resolve(name, new AbortController().signal)).length, 64);
  await dns.close();
});
