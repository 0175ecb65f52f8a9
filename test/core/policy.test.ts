import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideHost } from '../../proxy/core/policy.js';
import { type Asker, type Case, type PolicyText, policyOf, questionOf, runCases } from './policy-question.js';

const ANYTHING: PolicyText = {
  internal: [
    { address: '0.0.0.0/0', ports: [[1, 65_535]] },
    { address: '::/0', ports: [[1, 65_535]] },
  ],
  allow: [{ ports: [[1, 65_535]] }],
};
const NAS: PolicyText = { internal: [{ address: '192.168.1.20/32', ports: [443, [8000, 8010]] }] };
const LOCAL: PolicyText = { internal: [{ address: '127.0.0.1/32', ports: [8080, 3128] }] };
const GITHUB: PolicyText = { default: 'none', allow: [{ host: '*.github.com', ports: [443], clients: ['github'] }] };
const FLOW: Asker = { client: 'flow' };
const GIT: Asker = { client: 'github' };

const ORDER: readonly Case[] = [
  ['a public address is allowed by default', {}, 'a.example:443', ['93.184.215.14'], 'allow default'],
  ['a private one is not', {}, 'a.example:443', ['10.0.0.1'], 'deny address-prohibited special:10.0.0.0/8'],
  [
    '1 before 4: an allow rule',
    { allow: [{}] },
    '169.254.169.254:80',
    [],
    'deny metadata-address never:169.254.169.254/32',
  ],
  ['1 before 3: an internal rule', ANYTHING, '168.63.129.16:80', [], 'deny metadata-address never:168.63.129.16/32'],
  [
    '1: a name that answers with metadata',
    ANYTHING,
    'a.example:80',
    ['169.254.169.254'],
    'deny metadata-address never:169.254.169.254/32',
  ],
  ['1: unspecified', ANYTHING, '0.0.0.0:80', [], 'deny address-prohibited never:0.0.0.0/32'],
  ['1: link-local', ANYTHING, '[fe80::1]:80', [], 'deny address-prohibited never:fe80::/10'],
  ['1: multicast', ANYTHING, '224.0.0.1:80', [], 'deny address-prohibited never:224.0.0.0/4'],
  ['1: broadcast', ANYTHING, '255.255.255.255:80', [], 'deny address-prohibited never:255.255.255.255/32'],
  ['1: 6to4', ANYTHING, '[2002:808:808::1]:80', [], 'deny address-prohibited never:6to4'],
  [
    '1: metadata by name',
    ANYTHING,
    'metadata.google.internal:80',
    [],
    'deny metadata-address never:metadata.google.internal',
  ],
  [
    '1 in report mode',
    { ...ANYTHING, mode: 'report' },
    '169.254.169.254:80',
    [],
    'deny metadata-address never:169.254.169.254/32',
  ],
  [
    '1 before 2',
    { deny: [{ address: '169.254.0.0/16' }] },
    '169.254.169.254:80',
    [],
    'deny metadata-address never:169.254.169.254/32',
  ],
  [
    '2 before 3',
    { ...NAS, deny: [{ address: '192.168.0.0/16' }] },
    '192.168.1.20:443',
    [],
    'deny address-denied deny[0]',
  ],
  [
    '2 before 4',
    { deny: [{ host: 'a.example' }], allow: [{}] },
    'a.example:443',
    ['8.8.8.8'],
    'deny host-denied deny[0]',
  ],
  ['2: by address', { deny: [{ address: '8.8.8.0/24' }] }, 'a.example:443', ['8.8.8.8'], 'deny address-denied deny[0]'],
  ['2: by port', { deny: [{ ports: [25] }] }, 'a.example:25', ['8.8.8.8'], 'deny port-denied deny[0]'],
  ['2: by port, of a literal', { deny: [{ ports: [25] }] }, '8.8.8.8:25', [], 'deny port-denied deny[0]'],
  ['2: by client', { deny: [{ clients: ['flow'] }] }, 'a.example:443', ['8.8.8.8'], 'deny host-denied deny[0]', FLOW],
  ['2: not by another client', { deny: [{ clients: ['flow'] }] }, 'a.example:443', ['8.8.8.8'], 'allow default', GIT],
  [
    '2: the first rule that matches',
    { deny: [{ ports: [1] }, { host: '*.example' }, {}] },
    'a.example:443',
    [],
    'deny host-denied deny[1]',
  ],
  [
    '2: host and port are both needed',
    { deny: [{ host: 'a.example', ports: [25] }] },
    'a.example:443',
    ['8.8.8.8'],
    'allow default',
  ],
  [
    '2: through an IPv4-mapped answer',
    { deny: [{ address: '8.8.8.0/24' }] },
    'a.example:1',
    ['::ffff:8.8.8.8'],
    'deny address-denied deny[0]',
  ],
  [
    '2: through a NAT64 answer',
    { deny: [{ address: '8.8.8.0/24' }] },
    'a.example:1',
    ['64:ff9b::808:808'],
    'deny address-denied deny[0]',
  ],
  [
    '3: allow rules open nothing special',
    { allow: [{ address: '10.0.0.0/8' }, { host: 'n8n' }] },
    'n8n:1',
    ['10.0.0.1'],
    'deny address-prohibited special:10.0.0.0/8',
  ],
  ['3 before 5', { default: 'none' }, '10.0.0.1:80', [], 'deny address-prohibited special:10.0.0.0/8'],
  ['4 before 5', GITHUB, 'api.github.com:443', ['140.82.121.6'], 'allow allow[0]', GIT],
  ['5: none', GITHUB, 'b.example:443', [], 'deny host-not-allowed default', GIT],
  ['5: none, another port of an allowed host', GITHUB, 'api.github.com:22', [], 'deny port-not-allowed default', GIT],
  ['5: none, another client', GITHUB, 'api.github.com:443', [], 'deny host-not-allowed default', FLOW],
  ['5: none, a client without a name', GITHUB, 'api.github.com:443', [], 'deny host-not-allowed default'],
  ['5: none, the apex of a wildcard', GITHUB, 'github.com:443', [], 'deny host-not-allowed default', GIT],
  ['5: none, a literal', GITHUB, '140.82.121.6:443', [], 'deny host-not-allowed default', GIT],
  [
    '5: none, an allowed address',
    { default: 'none', allow: [{ address: '8.8.8.0/24' }] },
    '8.8.8.8:53',
    [],
    'allow allow[0]',
  ],
  [
    '5: none, a name at an allowed address',
    { default: 'none', allow: [{ address: '8.8.8.0/24' }] },
    'd.example:53',
    ['8.8.8.8'],
    'allow allow[0]',
  ],
  [
    '5: none, a name elsewhere',
    { default: 'none', allow: [{ address: '8.8.8.0/24' }] },
    'd.example:53',
    ['9.9.9.9'],
    'deny host-not-allowed default',
  ],
];

runCases('order', ORDER);

test('a name that no answer could allow is refused before DNS', () => {
  const cases: readonly (readonly [policy: PolicyText, authority: string, refusedEarly: boolean])[] = [
    [{}, 'a.example:443', false],
    [{}, 'localhost:443', true],
    [{}, 'metadata:443', true],
    [GITHUB, 'b.example:443', true],
    [{ default: 'none', allow: [{ address: '8.8.8.8/32' }] }, 'b.example:443', false],
    [{ default: 'none', allow: [{ address: '8.8.8.8/32', ports: [53] }] }, 'b.example:443', true],
    [{ default: 'none', internal: [{ host: 'b.example', ports: [443] }] }, 'b.example:443', false],
    [{ deny: [{ address: '8.8.8.8/32' }] }, 'b.example:443', false],
    [{ deny: [{}] }, 'b.example:443', true],
    [{ mode: 'report', deny: [{}] }, 'b.example:443', false],
    [LOCAL, 'localhost:8080', false],
  ];
  for (const [policy, authority, refusedEarly] of cases)
    assert.equal(decideHost(policyOf(policy), questionOf(authority)) !== null, refusedEarly, authority);
});
