/** Grants that are bound: a private name to its confirmed addresses, and one request to the address of a client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../proxy/core/address.js';
import { decideAddresses, decideHost } from '../../proxy/core/policy.js';
import { type GrantedRule, withRunTime } from '../../proxy/core/run-time.js';
import { parseAuthority, parseHostPattern } from '../../proxy/core/target.js';
import { policyOf } from './policy-question.js';

const OWN = { addresses: [], ports: new Set<number>() };
const PUBLIC = '93.184.216.34';
const at = (...texts: string[]) => texts.map((text) => parseAddress(text) ?? assert.fail(text));

function grant(name: string, change: Partial<GrantedRule>): GrantedRule {
  const fixed = {
    id: 'g',
    effect: 'allow',
    client: null,
    address: null,
    ports: null,
    internal: false,
    once: false,
  } as const;
  return { ...fixed, host: parseHostPattern(name), ...change };
}

test('an answer of which one address was confirmed and one was not says which it lacks', () => {
  const of = grant('nas.test', { internal: true, ports: [445], addresses: at('192.168.1.5') });
  const policy = withRunTime(policyOf({ default: 'none' }), { grants: [of], pauses: [] });
  const target = parseAuthority('nas.test:445');
  assert.ok(target.ok);
  const question = { target: target.value, client: { name: null }, own: OWN };
  const verdict = decideAddresses(policy, question, at('192.168.1.5', '192.168.1.9'));
  assert.ok(verdict.outcome === 'deny');
  assert.deepEqual([verdict.reason, verdict.rule], ['address-not-confirmed', 'grant:g']);
});

test('a block stays one whatever else a state file says of it', () => {
  const of = grant('a.test', { effect: 'block', internal: true, addresses: [] });
  const policy = withRunTime(policyOf({ default: 'public' }), { grants: [of], pauses: [] });
  const target = parseAuthority('a.test:443');
  assert.ok(target.ok);
  const denial = decideHost(policy, { target: target.value, client: { name: null }, own: OWN });
  assert.deepEqual([denial?.reason, denial?.rule], ['host-denied', 'grant:g']);
});

test('a grant for the address of a client without a name is for no other one, and not for a client with a name there', () => {
  const policy = withRunTime(policyOf({ default: 'none' }), {
    grants: [grant('a.test', { once: true, clientAddress: '172.31.250.7' })],
    pauses: [],
  });
  const target = parseAuthority('a.test:443');
  assert.ok(target.ok);
  const asks = (client: { readonly name: string | null; readonly address?: string }) =>
    decideAddresses(policy, { target: target.value, client, own: OWN }, at(PUBLIC)).outcome;
  assert.equal(asks({ name: null, address: '172.31.250.7' }), 'allow');
  for (const client of [
    { name: null, address: '172.31.250.8' },
    { name: 'github', address: '172.31.250.7' },
    { name: null },
  ])
    assert.equal(asks(client), 'deny', JSON.stringify(client));
});

for (const [behaviour, addresses, authority, answer, expected] of [
  ['is open at each of them', ['172.18.0.5', '172.18.0.6'], 'n8n:5678', '172.18.0.6', 'allow grant:g'],
  ['is closed at any other', ['172.18.0.5'], 'n8n:5678', '192.168.1.1', 'deny address-not-confirmed grant:g'],
  ['is closed where none was confirmed', [], 'n8n:5678', '172.18.0.5', 'deny address-not-confirmed grant:g'],
  ['opens no loopback', ['127.0.0.1'], 'n8n:5678', '127.0.0.1', 'deny address-prohibited special:127.0.0.0/8'],
  ['opens no other port', ['172.18.0.5'], 'n8n:80', '172.18.0.9', 'deny host-not-allowed default'],
  [
    'opens nothing for its literal',
    ['172.18.0.5'],
    '172.18.0.5:5678',
    '172.18.0.5',
    'deny address-prohibited special:172.16.0.0/12',
  ],
] as const) {
  test(`a private name that was opened at its addresses ${behaviour}`, () => {
    const of = grant('n8n', { internal: true, ports: [5678], addresses: at(...addresses) });
    const policy = withRunTime(policyOf({ default: 'none' }), { grants: [of], pauses: [] });
    const target = parseAuthority(authority);
    assert.ok(target.ok);
    const question = { target: target.value, client: { name: null }, own: OWN };
    const early = decideHost(policy, question);
    const verdict =
      early === null ? decideAddresses(policy, question, at(answer)) : { outcome: 'deny' as const, ...early };
    const said =
      verdict.outcome === 'allow' ? `allow ${verdict.permit.rule}` : `deny ${verdict.reason} ${verdict.rule}`;
    assert.equal(said, expected);
  });
}
