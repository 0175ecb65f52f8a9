import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { decideAddresses, decideHost, type Policy } from '../../proxy/core/policy.js';
import { type GrantedRule, type PausedClient, type RunTime, withRunTime } from '../../proxy/core/run-time.js';
import { parseAuthority, parseHostPattern } from '../../proxy/core/target.js';
import { type PolicyText, policyOf } from './policy-question.js';

const OWN = { addresses: [], ports: new Set<number>() };

function grant(place: string, change: Partial<GrantedRule> = {}): GrantedRule {
  const address = parsePrefix(place);
  const host = address === null ? parseHostPattern(place) : null;
  return {
    id: 'g',
    effect: 'allow',
    client: null,
    host,
    address,
    ports: null,
    internal: false,
    once: false,
    ...change,
  };
}

function outcome(policy: Policy, authority: string, answer: string, client: string | null = null): string {
  const target = parseAuthority(authority);
  assert.ok(target.ok);
  const question = { target: target.value, client: { name: client }, own: OWN };
  const addresses = [parseAddress(answer) ?? assert.fail(answer)];
  const early = decideHost(policy, question);
  if (early !== null) return `deny ${early.reason} ${early.rule}`;
  const verdict = decideAddresses(policy, question, addresses);
  return verdict.outcome === 'allow' ? `allow ${verdict.permit.rule}` : `deny ${verdict.reason} ${verdict.rule}`;
}

type Row = readonly [
  behaviour: string,
  file: PolicyText,
  decided: Partial<RunTime>,
  authority: string,
  answer: string,
  outcome: string,
  client?: string,
];

const PUBLIC = '93.184.216.34';
const pause = (client: string | null, mode: PausedClient['mode'] = 'refuse') => ({ pauses: [{ client, mode }] });

const ROWS: readonly Row[] = [
  ['an allow opens what no rule names', {}, { grants: [grant('a.test')] }, 'a.test:443', PUBLIC, 'allow grant:g'],
  [
    'an allow is for its port alone',
    {},
    { grants: [grant('a.test', { ports: [443] })] },
    'a.test:80',
    PUBLIC,
    'deny port-not-allowed default',
  ],
  [
    'an allow is for its host alone',
    {},
    { grants: [grant('a.test')] },
    'b.test:443',
    PUBLIC,
    'deny host-not-allowed default',
  ],
  [
    'an allow is for its client alone',
    {},
    { grants: [grant('a.test', { client: 'x' })] },
    'a.test:443',
    PUBLIC,
    'deny host-not-allowed default',
    'y',
  ],
  [
    'an allow is for its client',
    {},
    { grants: [grant('a.test', { client: 'x' })] },
    'a.test:443',
    PUBLIC,
    'allow grant:g',
    'x',
  ],
  [
    'an allow never beats a deny rule of the file',
    { deny: [{ host: 'a.test' }] },
    { grants: [grant('a.test')] },
    'a.test:443',
    PUBLIC,
    'deny host-denied deny[0]',
  ],
  [
    'an allow never beats a deny rule by address',
    { deny: [{ address: `${PUBLIC}/32` }] },
    { grants: [grant('a.test')] },
    'a.test:443',
    PUBLIC,
    'deny address-denied deny[0]',
  ],
  [
    'a block counts as a deny rule',
    { default: 'public', allow: [{ host: 'a.test' }] },
    { grants: [grant('a.test', { effect: 'block' })] },
    'a.test:443',
    PUBLIC,
    'deny host-denied grant:g',
  ],
  [
    'a block comes before an allow',
    {},
    { grants: [grant('a.test'), grant('a.test', { id: 'b', effect: 'block' })] },
    'a.test:443',
    PUBLIC,
    'deny host-denied grant:b',
  ],
  [
    'an allow without the second confirmation opens nothing private',
    {},
    { grants: [grant('n8n')] },
    'n8n:5678',
    '172.18.0.5',
    'deny address-prohibited special:172.16.0.0/12',
  ],
  [
    'with it, exactly that host and port',
    {},
    { grants: [grant('n8n', { internal: true, ports: [5678] })] },
    'n8n:5678',
    '172.18.0.5',
    'allow grant:g',
  ],
  [
    'and no other port',
    {},
    { grants: [grant('n8n', { internal: true, ports: [5678] })] },
    'n8n:22',
    '172.18.0.5',
    'deny host-not-allowed default',
  ],
  [
    'and no public address of it',
    {},
    { grants: [grant('n8n', { internal: true, ports: [5678] })] },
    'n8n:5678',
    PUBLIC,
    'deny host-not-allowed default',
  ],
  [
    'a private address by its literal',
    {},
    { grants: [grant('192.168.1.20', { internal: true, ports: [443] })] },
    '192.168.1.20:443',
    '192.168.1.20',
    'allow grant:g',
  ],
  [
    'nothing opens metadata by name',
    {},
    { grants: [grant('a.test', { internal: true, ports: [80] })] },
    'a.test:80',
    '169.254.169.254',
    'deny metadata-address never:169.254.169.254/32',
  ],
  [
    'nothing opens metadata by address',
    {},
    { grants: [grant('169.254.169.254', { internal: true, ports: [80] })] },
    '169.254.169.254:80',
    '169.254.169.254',
    'deny metadata-address never:169.254.169.254/32',
  ],
  [
    'a rule of the file is used before a grant',
    { allow: [{ host: 'a.test' }] },
    { grants: [grant('a.test', { once: true })] },
    'a.test:443',
    PUBLIC,
    'allow allow[0]',
  ],
  [
    'a grant for one request comes after the others',
    {},
    { grants: [grant('a.test', { once: true }), grant('a.test', { id: 'h' })] },
    'a.test:443',
    PUBLIC,
    'allow grant:h',
  ],
  [
    'a paused client reaches nothing',
    { default: 'public' },
    pause('x'),
    'a.test:443',
    PUBLIC,
    'deny paused pause:x',
    'x',
  ],
  ['another client goes on', { default: 'public' }, pause('x'), 'a.test:443', PUBLIC, 'allow default', 'y'],
  [
    'a pause of all is for clients without a name, too',
    { default: 'public' },
    pause(null),
    'a.test:443',
    PUBLIC,
    'deny paused pause',
  ],
  [
    'a paused client stops in mode report, too',
    { default: 'public', mode: 'report' },
    pause('x'),
    'a.test:443',
    PUBLIC,
    'deny paused pause:x',
    'x',
  ],
  [
    'a pause that lets through lets through',
    { default: 'none' },
    pause(null, 'report'),
    'a.test:443',
    PUBLIC,
    'allow report',
  ],
  ['and private addresses', { default: 'none' }, pause(null, 'report'), 'a.test:443', '10.0.0.1', 'allow report'],
  [
    'but nothing of "never"',
    { default: 'none' },
    pause(null, 'report'),
    'a.test:80',
    '169.254.169.254',
    'deny metadata-address never:169.254.169.254/32',
  ],
  [
    'nor a client that is paused itself',
    {},
    { pauses: [...pause(null, 'report').pauses, ...pause('x').pauses] },
    'a.test:443',
    PUBLIC,
    'deny paused pause:x',
    'x',
  ],
  [
    'a client with a mode of its own is paused with all',
    { default: 'public', clients: { x: { mode: 'report' } } },
    pause(null),
    'a.test:443',
    PUBLIC,
    'deny paused pause',
    'x',
  ],
  [
    'a client with a default of its own has the grants',
    { default: 'public', clients: { x: { default: 'none' } } },
    { grants: [grant('a.test')] },
    'a.test:443',
    PUBLIC,
    'allow grant:g',
    'x',
  ],
];

for (const [behaviour, file, decided, authority, answer, expected, client] of ROWS) {
  test(`decided at run time: ${behaviour}: ${authority} is ${expected}`, () => {
    const policy = withRunTime(policyOf({ default: 'none', ...file }), { grants: [], pauses: [], ...decided });
    assert.equal(outcome(policy, authority, answer, client ?? null), expected);
  });
}

test('where somebody is asked, what lacks a rule is not yet allowed, and what a rule denies is denied', () => {
  const policy: Policy = {
    ...policyOf({ default: 'none', deny: [{ host: 'bad.test' }], allow: [{ host: 'a.test', ports: [443] }] }),
    asks: true,
  };
  assert.equal(outcome(policy, 'new.test:443', PUBLIC), 'deny not-yet-allowed default');
  assert.equal(outcome(policy, 'a.test:80', PUBLIC), 'deny not-yet-allowed default');
  assert.equal(outcome(policy, 'bad.test:443', PUBLIC), 'deny host-denied deny[0]');
  assert.equal(outcome(policy, '10.0.0.1:443', '10.0.0.1'), 'deny address-prohibited special:10.0.0.0/8');
});
