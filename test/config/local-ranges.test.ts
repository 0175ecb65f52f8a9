/** What `policy.private` and `policy.nat64` say counts for every destination that the file opens, not for those of its rules alone. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { goesToParent } from '../../proxy/core/parent.js';
import { decideAddresses, type Policy } from '../../proxy/core/policy.js';
import { withRunTime } from '../../proxy/core/run-time.js';
import { parseAuthority } from '../../proxy/core/target.js';
import { configOf } from './fixture.js';

const OWN = { addresses: [], ports: new Set<number>() };
const HERE = `policy:
  nat64: ["2a00:1098:2c::/96"]
  private: [34.118.224.0/20]
  internal: [{ address: 10.0.0.5/32, ports: [443] }]
upstream: { proxy: "http://parent.example:3128" }
relay: [{ listen: "127.0.0.1:9000", to: "gateway.example:3128" }]
`;
const config = (t: TestContext) => configOf(t, `version: 1\n${HERE}`);

function verdict(policy: Policy, host: string, answer: string) {
  const target = parseAuthority(host);
  assert.ok(target.ok);
  const addresses = [parseAddress(answer) ?? assert.fail(answer)];
  return decideAddresses(policy, { target: target.value, client: { name: null }, own: OWN }, addresses);
}

test('the name of a parent or of a relay opens no metadata address behind the network’s own NAT64', (t) => {
  const { parent, relay } = config(t);
  const policies = [parent?.policy ?? assert.fail(), ...relay.map(({ policy }) => policy)];
  assert.equal(policies.length, 2);
  for (const [i, policy] of policies.entries()) {
    const host = i === 0 ? 'parent.example:3128' : 'gateway.example:3128';
    const of = (answer: string) => {
      const { outcome, ...rest } = verdict(policy, host, answer);
      return [outcome, 'reason' in rest ? rest.reason : null];
    };
    assert.deepEqual(of('2a00:1098:2c::169.254.169.254'), ['deny', 'metadata-address'], host);
    assert.deepEqual(of('2a00:1098:2c::127.0.0.1'), ['deny', 'address-prohibited'], host);
    assert.deepEqual(of('34.118.224.7'), ['allow', null], host);
  }
});

test('what is private behind the network’s own NAT64, or by policy.private, is reached without the parent', (t) => {
  const { parent, policy } = config(t);
  assert.ok(parent !== null);
  const goes = (host: string, answer: string) => {
    const found = verdict({ ...policy, default: 'public' }, host, answer);
    assert.equal(found.outcome, 'allow', answer);
    return found.outcome === 'allow' && goesToParent(parent, found.permit);
  };
  assert.equal(goes('a.example:443', '2a00:1098:2c::10.0.0.5'), false);
  assert.equal(goes('a.example:443', '2a00:1098:2c::93.184.215.14'), true);
});

test('a block of an address in the NAT64 form of the network blocks the address in it', (t) => {
  const address = parsePrefix('2a00:1098:2c::808:808/128');
  const rest = { effect: 'block', client: null, host: null, ports: null, internal: false, once: false } as const;
  const policy = withRunTime(config(t).policy, { grants: [{ id: 'g', address, ...rest }], pauses: [] });
  const found = verdict({ ...policy, default: 'public' }, '[2a00:1098:2c::808:808]:443', '2a00:1098:2c::808:808');
  assert.ok(found.outcome === 'deny');
  assert.deepEqual([found.reason, found.rule], ['address-denied', 'grant:g']);
});
