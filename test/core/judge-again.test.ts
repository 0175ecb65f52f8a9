import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../proxy/core/address.js';
import { judgeAgain } from '../../proxy/core/judge-again.js';
import { type Policy, policyFor } from '../../proxy/core/policy.js';
import { withRunTime } from '../../proxy/core/run-time.js';
import { parseAuthority } from '../../proxy/core/target.js';
import { policyOf } from './policy-question.js';

const OWN = { addresses: [], ports: new Set<number>() };
const PUBLIC = '93.184.216.34';

test('a connection is judged again by the same rules, and what one request was granted stays until a rule is against it', () => {
  const target = parseAuthority('a.test:443');
  assert.ok(target.ok);
  const question = { target: target.value, client: { name: 'x' }, own: OWN };
  const address = parseAddress(PUBLIC) ?? assert.fail();
  const again = (policy: Policy, once = false): string | null =>
    judgeAgain(policy, question, { addresses: [address], once })?.reason ?? null;
  const allowed = policyOf({ default: 'none', allow: [{ host: 'a.test' }] });
  assert.equal(again(allowed), null);
  assert.equal(again(policyOf({ default: 'none' })), 'host-not-allowed');
  assert.equal(again(policyOf({ default: 'none' }), true), null);
  assert.equal(again(policyOf({ deny: [{ address: `${PUBLIC}/32` }] }), true), 'address-denied');
  assert.equal(again(policyOf({ mode: 'report', deny: [{ host: 'a.test' }] })), null);
  assert.equal(again(withRunTime(allowed, { grants: [], pauses: [{ client: 'x', mode: 'refuse' }] })), 'paused');
  assert.equal(policyFor(allowed, { name: 'x' }), allowed);
});

test('what one request was granted ends with a rule against its address, and when nothing may ever open that', () => {
  const target = parseAuthority('a.test:443');
  assert.ok(target.ok);
  const address = parseAddress(PUBLIC) ?? assert.fail();
  const again = (deny: readonly { address: string }[], apiServer: typeof address | null): string | null => {
    const question = { target: target.value, client: { name: 'x' }, own: { ...OWN, apiServer } };
    return (
      judgeAgain(policyOf({ default: 'none', deny }), question, { addresses: [address], once: true })?.rule ?? null
    );
  };
  assert.equal(again([], null), null);
  assert.equal(again([{ address: `${PUBLIC}/32` }], null), 'deny[0]');
  assert.equal(again([], address), 'never:kubernetes');
});
