import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideAddresses, policyFor } from '../../proxy/core/policy.js';
import { addressOf, type Case, type PolicyText, policyOf, questionOf, runCases } from './policy-question.js';

/** "github may reach api.github.com and *.githubusercontent.com and nothing else, everybody else everything public". */
const GITHUB: PolicyText = {
  default: 'public',
  allow: [
    { name: 'github-api', host: 'api.github.com', ports: [443], clients: ['github'] },
    { host: '*.githubusercontent.com', ports: [443], clients: ['github'] },
  ],
  clients: { github: { default: 'none' } },
};
const PUBLIC = ['93.184.215.14'];

const CASES: readonly Case[] = [
  ['its own default is none', GITHUB, 'api.github.com:443', PUBLIC, 'allow allow:github-api', { client: 'github' }],
  [
    'without a name, by position',
    GITHUB,
    'raw.githubusercontent.com:443',
    PUBLIC,
    'allow allow[1]',
    { client: 'github' },
  ],
  ['its own default is none', GITHUB, 'example.com:443', PUBLIC, 'deny host-not-allowed default', { client: 'github' }],
  [
    'its own default is none',
    GITHUB,
    'api.github.com:80',
    PUBLIC,
    'deny port-not-allowed default',
    { client: 'github' },
  ],
  ['everybody else has the default', GITHUB, 'example.com:443', PUBLIC, 'allow default', { client: 'slack' }],
  ['everybody else has the default', GITHUB, 'example.com:443', PUBLIC, 'allow default'],
  [
    'a client that is more open',
    { default: 'none', clients: { open: { default: 'public' } } },
    'example.com:443',
    PUBLIC,
    'allow default',
    { client: 'open' },
  ],
  [
    'a default of its own opens nothing private',
    { default: 'none', clients: { open: { default: 'public' } } },
    'example.com:443',
    ['10.0.0.1'],
    'deny address-prohibited special:10.0.0.0/8',
    { client: 'open' },
  ],
  [
    'a client in mode report',
    { default: 'none', clients: { new: { mode: 'report' } } },
    'example.com:443',
    PUBLIC,
    'allow report but host-not-allowed default',
    { client: 'new' },
  ],
  [
    'a client in mode report among what no mode opens',
    { default: 'none', clients: { new: { mode: 'report' } } },
    'example.com:80',
    ['169.254.169.254'],
    'deny metadata-address never:169.254.169.254/32',
    { client: 'new' },
  ],
  [
    'a client that is enforced where others are not',
    { mode: 'report', default: 'none', clients: { strict: { mode: 'enforce' } } },
    'example.com:443',
    PUBLIC,
    'deny host-not-allowed default',
    { client: 'strict' },
  ],
  [
    'a deny rule for a client alone',
    { deny: [{ name: 'pause', clients: ['slack'] }] },
    'example.com:443',
    PUBLIC,
    'deny host-denied deny:pause',
    { client: 'slack' },
  ],
  ['a deny rule for a client alone', { deny: [{ clients: ['slack'] }] }, 'example.com:443', PUBLIC, 'allow default'],
  [
    'a deny rule for an address',
    { deny: [{ address: '93.184.215.0/24' }] },
    'example.com:443',
    PUBLIC,
    'deny address-denied deny[0]',
  ],
];

runCases('clients', CASES);

test('a client without a default of its own has the policy, as has one without a name', () => {
  const policy = policyOf(GITHUB);
  assert.equal(policyFor(policy, { name: 'slack' }), policy);
  assert.equal(policyFor(policy, { name: null }), policy);
  assert.equal(policyFor(policyFor(policy, { name: 'github' }), { name: 'github' }).default, 'none');
});

test('a Permit names the rule by its name', () => {
  const question = questionOf('api.github.com:443', { client: 'github' });
  const verdict = decideAddresses(policyOf(GITHUB), question, PUBLIC.map(addressOf));
  assert.equal(verdict.outcome === 'allow' && verdict.permit.rule, 'allow:github-api');
});
