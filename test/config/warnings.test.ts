import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf } from './fixture.js';

const IDLE = /changes nothing/;

/** The policy and the clients of a configuration, and the paths that are warned of. */
const CASES: readonly (readonly [what: string, text: string, ...paths: string[]])[] = [
  ['an allow rule under default public', 'policy: { default: public, allow: [ { ports: [443] } ] }', 'policy.allow[0]'],
  ['an allow rule under default none', 'policy: { default: none, allow: [ { ports: [443] } ] }'],
  [
    'an allow rule for a client whose own default is none',
    'policy: { default: public, allow: [ { ports: [1], clients: [a] } ] }\nclients: [ { name: a, token: x, default: none } ]',
  ],
  [
    'an allow rule for everybody where one client has default none',
    'policy: { default: public, allow: [ { ports: [1] } ] }\nclients: [ { name: a, token: x, default: none } ]',
  ],
  [
    'an allow rule for a client whose own default is public',
    'policy: { default: none, allow: [ { ports: [1], clients: [a] }, { ports: [1] } ] }\nclients: [ { name: a, token: x, default: public } ]',
    'policy.allow[0]',
  ],
  [
    'deny and internal rules',
    'policy: { default: public, deny: [ { ports: [25] } ], internal: [ { host: n8n, ports: [1] } ] }',
  ],
];

for (const [what, text, ...paths] of CASES) {
  test(`${what}: ${paths.length === 0 ? 'no warning' : 'a warning'}`, (t) => {
    const { warnings } = configOf(t, `version: 1\n${text}\n`);
    assert.deepEqual(
      warnings.map(({ path }) => path),
      paths,
    );
    for (const { message, line } of warnings) {
      assert.match(message, IDLE);
      assert.equal(line, 2);
    }
  });
}

const PODS = 'pods: { namespace: tools, labels: {} }';
const NARROW: readonly (readonly [what: string, text: string, ...paths: string[]])[] = [
  [
    'a narrower default',
    `policy: { default: public }\nclients: [ { name: a, ${PODS}, default: none } ]`,
    'clients[0].pods',
  ],
  ['a deny rule', `policy: { deny: [ { clients: [a] } ] }\nclients: [ { name: a, ${PODS} } ]`, 'clients[0].pods'],
  ['enforcement', `policy: { mode: report }\nclients: [ { name: a, ${PODS}, mode: enforce } ]`, 'clients[0].pods'],
  ['a wider default', `policy: { default: none }\nclients: [ { name: a, ${PODS}, default: public } ]`],
  ['an allow rule', `policy: { allow: [ { ports: [443], clients: [a] } ] }\nclients: [ { name: a, ${PODS} } ]`],
  [
    'a narrower default and a token',
    `policy: { default: public }\nclients: [ { name: a, token: x, ${PODS}, default: none } ]`,
  ],
  [
    'a narrower default where a name is required',
    `policy: { default: public, clients: required }\nclients: [ { name: a, ${PODS}, default: none } ]`,
  ],
];
for (const [what, text, ...paths] of NARROW) {
  test(`a client by pods with ${what}: ${paths.length === 0 ? 'no warning' : 'a warning'}`, (t) => {
    const { warnings } = configOf(t, `version: 1\n${text}\n`);
    assert.deepEqual(
      warnings.map(({ path }) => path),
      paths,
    );
    for (const { message } of warnings) assert.match(message, /set policy\.clients to required/);
  });
}
