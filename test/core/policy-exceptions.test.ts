import { type Asker, type Case, type PolicyText, runCases } from './policy-question.js';

const ANYTHING: PolicyText = {
  internal: [
    { address: '0.0.0.0/0', ports: [[1, 65_535]] },
    { address: '::/0', ports: [[1, 65_535]] },
  ],
  allow: [{ ports: [[1, 65_535]] }],
};
const OWN: Asker = { ownAddresses: ['172.31.250.2', '2606:4700::2'], ownPorts: [3128, 9180] };
const N8N: PolicyText = { internal: [{ host: 'n8n', ports: [5678], clients: ['flow'] }] };
const NAS: PolicyText = { internal: [{ address: '192.168.1.20/32', ports: [443, [8000, 8010]] }] };
const LOCAL: PolicyText = { internal: [{ address: '127.0.0.1/32', ports: [8080, 3128] }] };
const FLOW: Asker = { client: 'flow' };
const GIT: Asker = { client: 'github' };

const INTERNAL: readonly Case[] = [
  ['a host exception opens a private answer', N8N, 'n8n:5678', ['172.18.0.4'], 'allow internal[0]', FLOW],
  ['a host exception opens a shared answer', N8N, 'n8n:5678', ['100.64.0.4'], 'allow internal[0]', FLOW],
  ['a host exception opens a unique-local answer', N8N, 'n8n:5678', ['fd00::4'], 'allow internal[0]', FLOW],
  ['not another port', N8N, 'n8n:5679', ['172.18.0.4'], 'deny address-prohibited special:172.16.0.0/12', FLOW],
  ['not another client', N8N, 'n8n:5678', ['172.18.0.4'], 'deny address-prohibited special:172.16.0.0/12', GIT],
  ['not a client without a name', N8N, 'n8n:5678', ['172.18.0.4'], 'deny address-prohibited special:172.16.0.0/12'],
  ['not another host', N8N, 'n9n:5678', ['172.18.0.4'], 'deny address-prohibited special:172.16.0.0/12', FLOW],
  ['not the address by itself', N8N, '172.18.0.4:5678', [], 'deny address-prohibited special:172.16.0.0/12', FLOW],
  ['not loopback by host', N8N, 'n8n:5678', ['127.0.0.1'], 'deny address-prohibited special:127.0.0.0/8', FLOW],
  ['not documentation by host', N8N, 'n8n:5678', ['192.0.2.1'], 'deny address-prohibited special:192.0.2.0/24', FLOW],
  [
    'not metadata by host',
    N8N,
    'n8n:5678',
    ['169.254.169.254'],
    'deny metadata-address never:169.254.169.254/32',
    FLOW,
  ],
  [
    'not metadata in shared space by host',
    N8N,
    'n8n:5678',
    ['100.100.100.200'],
    'deny metadata-address never:100.100.100.200/32',
    FLOW,
  ],
  ['an address exception opens a literal', NAS, '192.168.1.20:443', [], 'allow internal[0]'],
  [
    'an address exception opens a name that resolves there',
    NAS,
    'nas.example:8005',
    ['192.168.1.20'],
    'allow internal[0]',
  ],
  ['an address exception opens any spelling of it', NAS, '0xc0.168.276:443', [], 'allow internal[0]'],
  ['an address exception opens its IPv4-mapped form', NAS, '[::ffff:192.168.1.20]:443', [], 'allow internal[0]'],
  [
    'the ports of a range end where it ends',
    NAS,
    '192.168.1.20:8011',
    [],
    'deny address-prohibited special:192.168.0.0/16',
  ],
  [
    'the neighbour of an address exception stays shut',
    NAS,
    '192.168.1.21:443',
    [],
    'deny address-prohibited special:192.168.0.0/16',
  ],
  ['an address exception opens loopback', LOCAL, '127.0.0.1:8080', [], 'allow internal[0]'],
  ['an address exception opens localhost', LOCAL, 'localhost:8080', ['127.0.0.1'], 'allow internal[0]'],
  [
    'localhost without its own address stays shut',
    LOCAL,
    'localhost:8080',
    ['::1', '127.0.0.1'],
    'deny mixed-answer special:::1/128',
  ],
  [
    'an exception without ports opens nothing',
    { internal: [{ address: '10.0.0.1/32' }] },
    '10.0.0.1:80',
    [],
    'deny address-prohibited special:10.0.0.0/8',
  ],
  [
    'an exception without a destination opens nothing',
    { internal: [{ ports: [80] }] },
    '10.0.0.1:80',
    [],
    'deny address-prohibited special:10.0.0.0/8',
  ],
  ['an exception needs no allow rule', { ...NAS, default: 'none' }, '192.168.1.20:443', [], 'allow internal[0]'],
  [
    'an exception by host needs no allow rule',
    { ...N8N, default: 'none' },
    'n8n:5678',
    ['10.1.1.1'],
    'allow internal[0]',
    FLOW,
  ],
  [
    'an exception allows no public answer by itself',
    { ...N8N, default: 'none' },
    'n8n:5678',
    ['8.8.8.8'],
    'deny host-not-allowed default',
    FLOW,
  ],
  [
    'host and address of an exception are both needed',
    { internal: [{ host: 'a', address: '10.0.0.1/32', ports: [1] }] },
    'b:1',
    ['10.0.0.1'],
    'deny address-prohibited special:10.0.0.0/8',
  ],
];

const SPECIAL: readonly Case[] = [
  ['localhost', {}, 'localhost:80', ['8.8.8.8'], 'deny address-prohibited special:localhost'],
  ['a name below localhost', {}, 'x.localhost:80', ['8.8.8.8'], 'deny address-prohibited special:*.localhost'],
  ['a Docker host', {}, 'host.docker.internal:80', ['8.8.8.8'], 'deny address-prohibited special:host.docker.internal'],
  [
    'a Docker host that is opened',
    { internal: [{ host: 'host.docker.internal', ports: [80] }] },
    'host.docker.internal:80',
    ['192.168.65.254'],
    'allow internal[0]',
  ],
  [
    'a Docker host that is denied',
    { deny: [{ host: '*.internal' }] },
    'host.docker.internal:80',
    [],
    'deny host-denied deny[0]',
  ],
  ['an own address', {}, '172.31.250.2:80', [], 'deny own-listener never:own', OWN],
  ['an own address that is public', {}, '[2606:4700::2]:443', [], 'deny own-listener never:own', OWN],
  ['an own address by name', ANYTHING, 'me.example:80', ['172.31.250.2'], 'deny own-listener never:own', OWN],
  ['an own address, IPv4-mapped', ANYTHING, '[::ffff:172.31.250.2]:1', [], 'deny own-listener never:own', OWN],
  ['an own address through NAT64', ANYTHING, '[64:ff9b::172.31.250.2]:1', [], 'deny own-listener never:own', OWN],
  ['an own listener on loopback', ANYTHING, '127.0.0.1:3128', [], 'deny own-listener never:own', OWN],
  ['an own listener on any loopback address', ANYTHING, '127.9.9.9:9180', [], 'deny own-listener never:own', OWN],
  ['an own listener on IPv6 loopback', ANYTHING, '[::1]:9180', [], 'deny own-listener never:own', OWN],
  ['an own listener in report mode', { mode: 'report' }, '127.0.0.1:3128', [], 'deny own-listener never:own', OWN],
  ['loopback on a port that is not ours', ANYTHING, '127.0.0.1:3129', [], 'allow internal[0]', OWN],
];

runCases('internal', INTERNAL);
runCases('special', SPECIAL);

const HOST = { host: ['45.45.45.2/32', '2606:4700:1::/64', '172.18.0.1/32'] };
const NEVER_HOST = 'deny own-listener never:host';
const EVERYTHING = {
  internal: [{ address: '172.16.0.0/12', ports: [1, 22, 80, 8811] }],
  allow: [{ host: 'me.example' }],
};
runCases('the host', [
  ['its public address is no public one', {}, '45.45.45.2:22', [], NEVER_HOST, HOST],
  ['its neighbours are', {}, '45.45.45.3:22', [], 'allow default', HOST],
  ['the published port of the relay', {}, '45.45.45.2:8811', [], NEVER_HOST, HOST],
  ['a name that resolves to it, and that a rule allows', EVERYTHING, 'me.example:80', ['45.45.45.2'], NEVER_HOST, HOST],
  [
    'a name that has it among others',
    {},
    'me.example:80',
    ['45.45.45.3', '45.45.45.2'],
    'deny mixed-answer never:host',
    HOST,
  ],
  ['another spelling of it', {}, '0x2d.0x2d.0x2d.2:80', [], NEVER_HOST, HOST],
  ['its IPv4-mapped form', {}, '[::ffff:45.45.45.2]:80', [], NEVER_HOST, HOST],
  ['its form behind NAT64', {}, '[64:ff9b::45.45.45.2]:80', [], NEVER_HOST, HOST],
  ['any address of its IPv6 prefix', {}, '[2606:4700:1:0:1:2:3:4]:80', [], NEVER_HOST, HOST],
  ['the prefix beside that', {}, '[2606:4700:1:1::1]:80', [], 'allow default', HOST],
  ['its bridge, though an exception is around it', EVERYTHING, '172.18.0.1:22', [], NEVER_HOST, HOST],
  ['a container beside the bridge', EVERYTHING, '172.18.0.2:22', [], 'allow internal[0]', HOST],
  ['in report mode', { mode: 'report' }, '45.45.45.2:22', [], NEVER_HOST, HOST],
]);

const METADATA = '168.63.129.16';
const LINK_LOCAL = '169.254.7.7';
runCases('an address that is several things at once', [
  [
    'the own one comes first',
    {},
    `${METADATA}:80`,
    [],
    'deny own-listener never:own',
    { ownAddresses: [METADATA], host: [`${METADATA}/32`], apiServer: METADATA },
  ],
  ['then the host', {}, `${LINK_LOCAL}:80`, [], NEVER_HOST, { host: [`${LINK_LOCAL}/32`], apiServer: LINK_LOCAL }],
  [
    'then what it is by itself',
    {},
    `${METADATA}:80`,
    [],
    `deny metadata-address never:${METADATA}/32`,
    { apiServer: METADATA },
  ],
  [
    'of any range',
    {},
    `${LINK_LOCAL}:80`,
    [],
    'deny address-prohibited never:169.254.0.0/16',
    { apiServer: LINK_LOCAL },
  ],
]);
