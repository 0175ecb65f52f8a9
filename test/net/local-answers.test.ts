/** Answers at public addresses that are private here, or that hold a private one in the network's own NAT64 form. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parsePrefix } from '../../proxy/core/address.js';
import { type LocalRanges, TABLE_ALONE } from '../../proxy/core/special-purpose.js';
import { queryAddresses } from '../../proxy/net/dns-query.js';
import { fixedSettings } from '../../proxy/net/resolv-conf.js';
import { failsWith, name, openDns, resolverOf, texts } from './dns-stand.js';

const HERE: LocalRanges = {
  private: [parsePrefix('34.118.224.0/20') ?? assert.fail()],
  nat64: [parsePrefix('2a00:1098:2c::/96') ?? assert.fail()],
};
const LOCAL: readonly (readonly [type: 'A' | 'AAAA', address: string])[] = [
  ['A', '34.118.224.7'],
  ['AAAA', '2a00:1098:2c::a60:7'],
];

function answering(t: TestContext, type: 'A' | 'AAAA', data: string) {
  return openDns(t, (asked) =>
    asked.name === 'n8n.tools.svc' && asked.type === type
      ? { answers: [{ name: asked.name, type, ttl: 60, data }] }
      : { rcode: asked.name === 'n8n.tools.svc' ? 0 : 3 },
  );
}

for (const [type, address] of LOCAL) {
  test(`a short name may be completed to ${address} where that is private, and nowhere else`, async (t) => {
    const dns = await answering(t, type, address);
    const folder = mkdtempSync(join(tmpdir(), 'egress-resolv-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const resolvConfPath = join(folder, 'resolv.conf');
    writeFileSync(resolvConfPath, `nameserver ${dns.server}\nsearch tools.svc`);
    const asked = (here: LocalRanges) => texts(resolverOf([], { resolvConfPath, here: () => here }), 'n8n');
    await assert.rejects(asked(TABLE_ALONE), failsWith('name-not-found'));
    assert.deepEqual(await asked(HERE), [address]);
  });

  test(`an answer at ${address} is kept for as short a time as any private one`, async (t) => {
    const dns = await answering(t, type, address);
    const { servers } = fixedSettings([dns.server])();
    const keptFor = async (here: LocalRanges): Promise<number> =>
      (await queryAddresses({ servers: () => servers, here }, name('n8n.tools.svc'), 60_000)).ttlSeconds;
    assert.equal(await keptFor(TABLE_ALONE), 60);
    assert.equal(await keptFor(HERE), 5);
  });
}
