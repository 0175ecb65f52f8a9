import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorsOf } from './fixture.js';

const CLIENTS = 'clients: [ { name: github, token: 0123456789abcdef }, { name: nas, address: 172.31.250.7/32 } ]';

/** The rest of a file after its version, and the errors: path, then a part of the right form. */
const CASES: [what: string, text: string, ...errors: [path: string, expected: RegExp][]][] = [
  ['a rule about ports alone is one', 'policy: { deny: [ { ports: [25] } ] }'],
  [
    'a rule needs a host, an address or ports',
    `policy: { deny: [ {} ], allow: [ { clients: [nas] } ] }\n${CLIENTS}`,
    ['policy.deny[0]', /at least one of host, address and ports/],
    ['policy.allow[0]', /at least one of host, address and ports/],
  ],
  [
    'a rule has a host or an address, not both',
    'policy: { deny: [ { host: a, address: 1.1.1.1 } ], internal: [ { host: a, address: 10.0.0.1, ports: [1] } ] }',
    ['policy.deny[0]', /not both/],
    ['policy.internal[0]', /not both/],
  ],
  [
    'an internal rule needs ports, and a host or an address',
    'policy: { internal: [ { host: n8n }, { ports: [80] }, { address: 10.0.0.1 } ] }',
    ['policy.internal[0].ports', /a list/],
    ['policy.internal[1]', /a host or an address/],
    ['policy.internal[2].ports', /a list/],
  ],
  [
    'an internal rule for what nothing opens is good, and opens nothing',
    'policy: { internal: [ { address: 169.254.169.254/32, ports: [80] }, { host: metadata.google.internal, ports: [80] } ] }',
  ],
  [
    'an internal address around a single one that is never opened is good: the rest of it is opened',
    'policy: { internal: [ { address: 100.64.0.0/10, ports: [443] }, { address: 127.0.0.1, ports: [5432] } ] }',
  ],
  [
    'a rule for an address whose inner IPv4 address is what is judged',
    'policy: { nat64: ["2001:db8:64::/96"], deny: [ { address: "::ffff:10.0.0.0/104" }, { address: "2001:db8:64::1" }, { address: "::/0" } ] }',
    ['policy.deny[0].address', /the IPv4 prefix inside/],
    ['policy.deny[1].address', /the IPv4 prefix inside/],
  ],
  [
    'a rule names clients that there are, and the nearest one is suggested',
    `policy: { deny: [ { ports: [1], clients: [githb, nas] } ] }\n${CLIENTS}`,
    ['policy.deny[0].clients[0]', /did you mean github\?/],
  ],
  [
    'a rule with clients needs at least one of them',
    `policy: { allow: [ { host: a, clients: [] }, { host: a, clients: null } ] }\n${CLIENTS}`,
    ['policy.allow[0].clients', /at least one/],
    ['policy.allow[1].clients', /a list/],
  ],
  ['a client without a token and an address', 'clients: [ { name: x } ]', ['clients[0]', /a token, an address/]],
  [
    'clients that could not be told apart',
    `clients:
  - { name: a, token: 0123456789abcdef, address: 10.0.0.1 }
  - { name: a, token: 0123456789abcdef, address: 10.0.0.1/32 }`,
    ['clients[1].name', /clients\[0\] has the same/],
    ['clients[1].token', /clients\[0\] has the same/],
    ['clients[1].address', /clients\[0\] has the same/],
  ],
  ['an admin listener on all addresses', 'listen: { admin: "0.0.0.0:9180" }', ['admin.token', /not loopback/]],
  [
    'an admin listener on all addresses with the token off',
    'listen: { admin: "0.0.0.0:9180" }\nadmin: { token: off }',
    ['admin.token', /not loopback/],
  ],
  ['an admin listener on a name', 'listen: { admin: "proxy:9180" }', ['admin.token', /not loopback/]],
  ['an admin listener on loopback', 'listen: { admin: "[::1]:9180" }'],
  [
    'an admin listener on all addresses with a token',
    'listen: { admin: "[::]:9180" }\nadmin: { token: 0123456789abcdef }',
  ],
  ['a deny rule for a client alone', 'policy: { deny: [ { clients: [a] } ] }\nclients: [ { name: a, token: x } ]'],
  [
    'an allow rule for a client alone',
    'policy: { allow: [ { clients: [a] } ] }\nclients: [ { name: a, token: x } ]',
    ['policy.allow[0]', /at least one of host, address and ports/],
  ],
  [
    'two rules of one list with one name',
    'policy: { deny: [ { name: a, ports: [1] } ], allow: [ { name: a, ports: [1] }, { name: a, ports: [2] } ] }',
    ['policy.allow[1].name', /a unique name: policy\.allow\[0\] has the same/],
  ],
  [
    'a rule name with a bracket',
    'policy: { deny: [ { name: "a[0]", ports: [1] } ] }',
    ['policy.deny[0].name', /letters/],
  ],
  [
    'a client with a default that is none',
    'clients: [ { name: a, token: x, default: all, mode: off } ]',
    ['clients[0].default', /one of public, none/],
    ['clients[0].mode', /one of enforce, report/],
  ],
  [
    'a misspelt key is one error, not also a missing one',
    'policy: { internal: [ { hots: n8n, prots: [80] } ], deny: [ { adress: 1.1.1.1 } ] }\nclients: [ { name: a, tokn: x } ]',
    ['policy.internal[0].hots', /the key host/],
    ['policy.internal[0].prots', /the key ports/],
    ['policy.deny[0].adress', /the key address/],
    ['clients[0].tokn', /the key token/],
  ],
  [
    'mistakes in one part do not hide those of another',
    'verison: 3\nlisten: { admin: "0.0.0.0:1", proxy: x }\npolicy: { deny: [ 3, { host: 1.1.1.1, address: 1.1.1.1 } ] }',
    ['verison', /the key version/],
    ['listen.proxy', /host:port/],
    ['policy.deny[0]', /a mapping with the keys name, host, address, ports, clients/],
    ['policy.deny[1]', /not both/],
    ['policy.deny[1].host', /use "address"/],
    ['admin.token', /not loopback/],
  ],
];

for (const [what, text, ...expected] of CASES) {
  test(what, (t) => {
    const errors = errorsOf(t, `version: 1\n${text}\n`);
    assert.deepEqual(
      errors.map(({ path }) => path),
      expected.map(([path]) => path),
    );
    expected.forEach(([, form], i) => {
      assert.match(errors[i]?.expected ?? '', form);
    });
  });
}
