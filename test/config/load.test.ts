import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatConfigErrors, loadConfig } from '../../proxy/config/load.js';
import { configFile, configOf, errorsOf, repository } from './fixture.js';

const SECRET = 'correct-horse-battery-staple';

const SIX = `version: 1
listen:
  proxy: 3128
dns: { timeout: 3 }
policy:
  defualt: public
  allow:
    - { host: "*.github.com", ports: [443, 70000] }
    - { host: 10.0.0.1 }
clients:
  - { name: github, token: \${GITHUB_TOOL_TOKEN} }
`;

test('six different mistakes are six errors, each with its path, value, right form and line', (t) => {
  assert.deepEqual(
    errorsOf(t, SIX).map(({ path, value, line }) => ({ path, value, line })),
    [
      { path: 'listen.proxy', value: '3128', line: 3 },
      { path: 'dns.timeout', value: '3', line: 4 },
      { path: 'policy.defualt', value: 'the unknown key "defualt"', line: 6 },
      { path: 'policy.allow[0].ports[1]', value: '70000', line: 8 },
      { path: 'policy.allow[1].host', value: '"10.0.0.1"', line: 9 },
      { path: 'clients[0].token', value: '${GITHUB_TOOL_TOKEN}, which is not set', line: 11 },
    ],
  );
  const forms = [
    /such as "0\.0\.0\.0:3128"/,
    /"10s"/,
    /the key default/,
    /443/,
    /use "address"/,
    /GITHUB_TOOL_TOKEN to be set/,
  ];
  errorsOf(t, SIX).forEach((error, i) => {
    assert.match(error.expected, forms[i] ?? /^$/);
  });
});

test('the formatted errors are one line each', (t) => {
  const text = formatConfigErrors(errorsOf(t, `${SIX}"a\\nb\\u2028c": 1\n`));
  assert.equal(text.split(/[\n\u2028]/).length, 7);
  assert.match(text, /^line 8: policy\.allow\[0\]\.ports\[1\]: got 70000, expected a port from 1 to 65535/m);
});

test('a file that is missing, is a directory, is not UTF-8 or is empty is an error of the same form', (t) => {
  const path = configFile(t, '');
  for (const [file, expected] of [
    [`${path}.absent`, /ENOENT/],
    [join(path, '..'), /EISDIR/],
    [path, /a mapping with the keys version, listen/],
  ] as const) {
    const result = loadConfig({ path: file, env: {} });
    assert.ok(!result.ok);
    assert.equal(result.errors.length, 1);
    assert.match(result.errors[0]?.expected ?? '', expected);
  }
});

test('a syntax error names its line and does not hide the mistakes before it', (t) => {
  const errors = errorsOf(t, 'version: 1\npolicy: { mode: maybe }\nclients: a: b\nlimits: 5\n');
  assert.deepEqual(
    errors.map(({ path, line }) => ({ path, line })),
    [
      { path: 'policy.mode', line: 2 },
      { path: '', line: 3 },
    ],
  );
});

test('duplicate keys, tags, aliases, merge keys and further documents are errors', (t) => {
  const cases: [text: string, value: RegExp][] = [
    ['version: 1\nversion: 1\n', /the same key twice/],
    ['version: !custom 1\n', /Unresolved tag/],
    ['version: &one 1\nlimits: { connections: *one }\n', /an alias/],
    ['version: &one [*one]\n', /an alias/],
    ['version: 1\n<<: { dns: {} }\n', /unknown key "<<"/],
    ['%YAML 1.1\n---\nversion: 1\n<<: { dns: {} }\n', /unknown key "<<"/],
    ['version: 1\n__proto__: { dns: {} }\n', /unknown key "__proto__"/],
    ['version: 1\n---\nversion: 1\n', /multiple documents/],
  ];
  for (const [text, value] of cases) {
    const found = errorsOf(t, text);
    assert.ok(
      found.some((error) => value.test(error.value)),
      `${text} gave ${formatConfigErrors(found)}`,
    );
  }
});

test('no damage to a file makes loading throw', (t) => {
  const path = configFile(t, '');
  const load = (text: string) => {
    writeFileSync(path, text);
    return loadConfig({ path, env: {} });
  };
  const pieces = [
    '',
    '{',
    ']',
    ': ',
    '- ',
    '*a ',
    '!x ',
    '"',
    '\n',
    '\t',
    '\0',
    '${',
    '\ufeff',
    '\ud83d',
    '__proto__: ',
  ];
  for (let at = 0; at < SIX.length; at += 2)
    load(`${SIX.slice(0, at)}${pieces[at % pieces.length]}${SIX.slice(at + 1)}`);
  for (const text of [
    '['.repeat(50_000),
    `a: ${'{a: '.repeat(500)}${'}'.repeat(500)}`,
    `a: ${'['.repeat(40)}${']'.repeat(40)}`,
  ])
    assert.equal(load(text).ok, false);
});

test('a reference names the environment only, not what every object inherits', (t) => {
  const errors = errorsOf(t, 'version: 1\nlog: { file: { path: "${toString}" } }\n');
  assert.match(errors[0]?.expected ?? '', /toString to be set/);
});

test('a reference is filled in within any value, with defaults and an escaped dollar sign', (t) => {
  const text = `version: 1
listen: { proxy: "\${HOST}:\${PORT}", admin: \${ADMIN:-[::1]:9180}, socks: \${EMPTY:-off} }
limits: { connections: \${CONNECTIONS} }
policy: { default: \${DEFAULT:-public} }
log: { file: { path: "/var/log/$\${HOST}/$$/\${NESTED}" } }
clients: [ { name: github, token: \${TOKEN} } ]
`;
  const config = configOf(t, text, {
    CONNECTIONS: '7',
    EMPTY: '',
    HOST: '0.0.0.0',
    NESTED: '${HOST}',
    PORT: '0',
    TOKEN: SECRET,
  });
  const { proxy, admin, socks } = config.listen;
  assert.deepEqual([proxy, admin, socks], [{ host: '0.0.0.0', port: 0 }, { host: '::1', port: 9180 }, null]);
  assert.equal(config.limits.connections, 7);
  assert.equal(config.policy.default, 'public');
  assert.equal(config.log.file?.path, '/var/log/${HOST}/$/${HOST}');
  assert.equal(config.clients[0]?.token, SECRET);
});

test('a reference that is unset or malformed is one error, and not a second one for the empty value', (t) => {
  const errors = errorsOf(t, 'version: 1\nlisten:\n  proxy: ${A}${B}\n  admin: "${1}"\n  socks: ${unclosed\n');
  assert.deepEqual(
    errors.map(({ path, expected }) => [path, expected.split(' ').slice(0, 4).join(' ')]),
    [
      ['listen.proxy', 'the environment variable A'],
      ['listen.proxy', 'the environment variable B'],
      ['listen.admin', '${NAME}, ${NAME:-default} or ${file:/run/secrets/name},'],
      ['listen.socks', '${NAME}, ${NAME:-default} or ${file:/run/secrets/name},'],
    ],
  );
});

test('no error shows a token, wherever it is', (t) => {
  const texts = [
    `admin: { token: "${SECRET} " }`,
    `admin: ${SECRET}`,
    `clients: { github: ${SECRET} }`,
    `clients: [ ${SECRET} ]`,
    `clients: [ { name: a, tokn: ${SECRET} } ]`,
    `clients: [ { name: a, token: ${SECRET} }, { name: b, token: ${SECRET} } ]`,
    `clients: [ { name: a, token: { x: ${SECRET} } } ]`,
    `clients: [ { name: a, token: "${SECRET}\${UNSET}" } ]`,
    `clients: [ { name: a, token: "${SECRET}" "x" } ]`,
    `clients: [ { name: a, token: ${SECRET} } ]\nlisten: { proxy: ${SECRET} }`,
    'listen: { proxy: "${GITHUB_TOKEN}" }',
    `token: !secret ${SECRET}`,
  ];
  for (const text of texts) {
    const errors = errorsOf(t, `version: 1\n${text}\n`, { GITHUB_TOKEN: SECRET });
    assert.notEqual(errors.length, 0, text);
    assert.ok(!formatConfigErrors(errors).includes(SECRET), formatConfigErrors(errors));
  }
});

test('the shipped configuration is good without any environment, and each listener can be set by it', () => {
  const path = fileURLToPath(new URL('config/policy.yaml', repository));
  const plain = loadConfig({ path, env: {} });
  const set = loadConfig({ path, env: { EGRESS_PROXY_LISTEN: '0.0.0.0:3128', EGRESS_ADMIN_LISTEN: 'off' } });
  assert.ok(plain.ok && set.ok);
  assert.equal(plain.config.policy.default, 'public');
  assert.deepEqual(plain.config.listen.proxy, { host: '127.0.0.1', port: 3128 });
  assert.deepEqual(plain.config.listen.admin, { host: '127.0.0.1', port: 9180 });
  assert.deepEqual(set.config.listen.proxy, { host: '0.0.0.0', port: 3128 });
  assert.equal(set.config.listen.admin, null);
});
