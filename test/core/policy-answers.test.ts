import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideAddresses } from '../../proxy/core/policy.js';
import {
  type Asker,
  addressOf,
  type Case,
  decide,
  type PolicyText,
  policyOf,
  questionOf,
  runCases,
} from './policy-question.js';

const N8N: PolicyText = { internal: [{ host: 'n8n', ports: [5678], clients: ['flow'] }] };
const NAS: PolicyText = { internal: [{ address: '192.168.1.20/32', ports: [443, [8000, 8010]] }] };
const GITHUB: PolicyText = { default: 'none', allow: [{ host: '*.github.com', ports: [443], clients: ['github'] }] };
const FLOW: Asker = { client: 'flow' };
const GIT: Asker = { client: 'github' };

const ANSWERS: readonly Case[] = [
  ['several public answers', {}, 'a.example:443', ['8.8.8.8', '2606:4700::1', '1.1.1.1'], 'allow default'],
  ['a private one last', {}, 'a.example:443', ['8.8.8.8', '10.0.0.1'], 'deny mixed-answer special:10.0.0.0/8'],
  ['a private one first', {}, 'a.example:443', ['10.0.0.1', '8.8.8.8'], 'deny mixed-answer special:10.0.0.0/8'],
  [
    'the gravest one is named',
    {},
    'a.example:443',
    ['8.8.8.8', '10.0.0.1', '169.254.169.254'],
    'deny mixed-answer never:169.254.169.254/32',
  ],
  ['all private', {}, 'a.example:443', ['10.0.0.1', '192.168.0.1'], 'deny address-prohibited special:10.0.0.0/8'],
  [
    'all prohibited, one metadata',
    {},
    'a.example:443',
    ['10.0.0.1', '168.63.129.16'],
    'deny metadata-address never:168.63.129.16/32',
  ],
  ['no address at all', {}, 'a.example:443', [], 'deny address-prohibited -'],
  ['an opened one and a public one', N8N, 'n8n:5678', ['10.0.0.1', '8.8.8.8'], 'allow internal[0]', FLOW],
  ['one family private', {}, 'a.example:443', ['8.8.8.8', 'fd00::1'], 'deny mixed-answer special:fc00::/7'],
];

const REPORT: readonly Case[] = [
  [
    'a private address is let through and noted',
    { mode: 'report' },
    '10.0.0.1:80',
    [],
    'allow report but address-prohibited special:10.0.0.0/8',
  ],
  [
    'a denied host',
    { mode: 'report', deny: [{ host: 'a.example' }] },
    'a.example:80',
    ['8.8.8.8'],
    'allow report but host-denied deny[0]',
  ],
  [
    'a default of none',
    { ...GITHUB, mode: 'report' },
    'b.example:80',
    ['8.8.8.8'],
    'allow report but host-not-allowed default',
    GIT,
  ],
  [
    'another port',
    { ...GITHUB, mode: 'report' },
    'a.github.com:80',
    ['8.8.8.8'],
    'allow report but port-not-allowed default',
    GIT,
  ],
  ['what is allowed is not noted', { mode: 'report' }, 'a.example:80', ['8.8.8.8'], 'allow default'],
  ['an opened address is not noted', { ...NAS, mode: 'report' }, '192.168.1.20:443', [], 'allow internal[0]'],
  [
    'a mixed answer is noted as one',
    { mode: 'report' },
    'a.example:80',
    ['8.8.8.8', '10.0.0.1'],
    'allow default but mixed-answer special:10.0.0.0/8',
  ],
  [
    'a mixed answer with metadata is refused',
    { mode: 'report' },
    'a.example:80',
    ['8.8.8.8', '169.254.169.254'],
    'deny mixed-answer never:169.254.169.254/32',
  ],
];

runCases('answers', ANSWERS);
runCases('report', REPORT);

test('a Permit holds the vetted addresses, IPv4-mapped ones as IPv4, and cannot be changed', () => {
  const answer = ['8.8.8.8', '::ffff:1.1.1.1', '64:ff9b::9.9.9.9', '2606:4700::1'].map(addressOf);
  const verdict = decideAddresses(policyOf({}), questionOf('a.example:443'), answer);
  assert.ok(verdict.outcome === 'allow');
  const { permit } = verdict;
  assert.deepEqual(
    permit.addresses.map(({ text }) => text),
    ['8.8.8.8', '1.1.1.1', '64:ff9b::909:909', '2606:4700::1'],
  );
  assert.ok(Object.isFrozen(permit) && Object.isFrozen(permit.addresses));
});

test('a private address behind an own NAT64 prefix is refused', () => {
  const policy = { nat64: ['2a00:1098:2c::/96'] };
  assert.equal(decide(policy, '[2a00:1098:2c::8.8.8.8]:443', []), 'allow default');
  assert.equal(decide(policy, '[2a00:1098:2c::10.0.0.1]:443', []), 'deny address-prohibited special:10.0.0.0/8');
  assert.equal(decide(policy, '[2a00:1098:2c::a9fe:a9fe]:80', []), 'deny metadata-address never:169.254.169.254/32');
});
