import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { suggestCommand } from '../../proxy/cli/suggest.js';
import type { Config } from '../../proxy/config/config.js';
import { loadConfig } from '../../proxy/config/load.js';
import { decisionJson } from '../../proxy/observe/json-line.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { adminWith } from '../admin/build.js';
import { runCommand } from '../cli/run-command.js';
import { decisionRecord, HOSTILE } from '../observe/records.js';

function seen(change: Partial<DecisionRecord>): DecisionRecord {
  const host = { host: 'api.example.com', port: 443, addresses: ['192.0.66.1'] };
  return decisionRecord({ outcome: 'allow', reason: null, rule: 'default', mode: 'report', ...host, ...change });
}

function run(argv: readonly string[], input = '', env: Record<string, string> = {}) {
  return runCommand(suggestCommand, argv, { input, env });
}

const logOf = (records: readonly DecisionRecord[]) => records.map((record) => `${decisionJson(record)}\n`).join('');

function file(context: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'suggest-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, text);
  return path;
}

function load(context: TestContext, text: string, env: Record<string, string> = {}): Config {
  const loaded = loadConfig({ path: file(context, text), env });
  assert.ok(loaded.ok, `${JSON.stringify(loaded)}\n${text}`);
  return loaded.config;
}

test('a record with port 0, which no rule can name, is left out, so that the suggestion loads', async (t) => {
  const { out } = await run([], logOf([seen({ port: 0 }), seen({ host: 'b.example.com' })]));
  assert.deepEqual(
    load(t, out).policy.allow.map(({ host }) => host?.text),
    ['b.example.com'],
  );
  assert.match(out, /# Left out.*: allow 1\./);
});

test('what was let through becomes rules by client, with counts, and loads as it is', async (t) => {
  const { code, out } = await run(
    [],
    logOf([
      seen({ host: 'api.github.com' }),
      seen({ host: 'api.github.com' }),
      seen({ host: 'api.github.com', port: 80 }),
      seen({ host: 'a.cdn.example', reason: 'host-not-allowed' }),
      seen({ host: 'b.cdn.example' }),
      seen({ host: 'c.cdn.example', outcome: 'fail', reason: 'connect-timeout' }),
      seen({ host: '192.0.66.7', client: { address: '10.0.0.9', name: null } }),
    ]),
  );
  assert.equal(code, 0);
  const config = load(t, out);
  assert.deepEqual([config.policy.default, config.policy.mode], ['none', 'enforce']);
  const body = out.slice(out.indexOf('  allow:'));
  assert.equal(
    body,
    [
      '  allow:',
      '    # 10.0.0.9: 1 request',
      '    - { address: "192.0.66.7/32", ports: [443] } # 1 request',
      '    # github: 6 requests',
      '    - { host: "*.cdn.example", ports: [443] } # 3 names, 3 requests',
      '    - { host: "api.github.com", ports: [80, 443] } # 3 requests',
      '',
    ].join('\n'),
  );
});

test('containers with the random names of one gateway are one group', async () => {
  const tool = (name: string, port: number) => seen({ port, client: { address: '172.31.250.3', name } });
  const names = ['quirky_bose.mcp-tools', 'silly_agnesi7.mcp-tools', 'stack-n8n-1.mcp-tools'];
  const { out } = await run([], logOf(names.map((name, i) => tool(name, 80 + i))));
  const groups = out.split('\n').filter((line) => /^ {4}# .*: \d+ request/.test(line));
  assert.deepEqual(groups, ['    # *.mcp-tools: 2 requests', '    # stack-n8n-1.mcp-tools: 1 request']);
});

test('private destinations are commented out, with a warning', async (t) => {
  const { out } = await run([], logOf([seen({ host: 'n8n', port: 5678, addresses: ['172.18.0.5'] })]));
  const { policy } = load(t, out);
  assert.deepEqual([policy.allow, policy.internal], [[], []]);
  assert.match(out, /# Private destinations\. Each of these opens one to a tool/);
  const opened = out.replace('  allow: []', '').replace(/^ {2}# (internal:| {2}- )/gm, '  $1');
  assert.equal(load(t, opened).policy.internal.length, 1);
});

test('what was refused stays refused until a person uncomments it', async (t) => {
  const refused = { outcome: 'deny', reason: 'host-not-allowed', mode: 'enforce', addresses: [] } as const;
  const { out } = await run([], logOf([seen({}), seen({ ...refused, host: 'evil.example.org' })]));
  assert.equal(load(t, out).policy.allow.length, 1);
  assert.match(out, /refused when it was seen[^\n]*\n {4}# - \{ host: "evil\.example\.org", ports: \[443\] \}/);
});

test('what no rule opens, or DNS did not know, is left out and counted', async (t) => {
  const { out } = await run(
    [],
    logOf([
      decisionRecord(),
      seen({ outcome: 'fail', reason: 'name-not-found', host: 'typo.example', addresses: [] }),
      seen({ reason: 'host-denied', rule: 'deny[0]' }),
      seen({}),
    ]),
  );
  assert.equal(load(t, out).policy.allow.length, 1);
  assert.match(out, /# Left out[^\n]*: host-denied 1, metadata-address 1, name-not-found 1\./);
});

test('a session with other TLS server names keeps them only logged', async (t) => {
  const { out } = await run([], logOf([seen({ reason: 'sni-mismatch', rule: 'sni' })]));
  const { policy } = load(t, out);
  assert.deepEqual([policy.sni, policy.allow.length], ['log', 1]);
});

const BASE = `# mine
version: 1
clients:
  - { name: github, token: \${GH_TOKEN} } # the tool
policy:
  mode: report
  default: public
  allow:
    # kept
    - { host: "*.github.com", ports: [443], clients: [github] }
  internal: [ { host: n8n, ports: [5678] } ]
`;

test('with a configuration, rules name its clients, its own rules stay, and so does the rest of the file', async (t) => {
  const records = [
    seen({ rule: 'allow[0]', host: 'api.github.com' }),
    seen({ rule: 'allow[0]', host: 'api.gitlab.com' }),
    seen({ rule: 'internal[0]', host: 'n8n', port: 5678, addresses: ['172.18.0.5'] }),
    seen({ host: 'nas.lan', port: 445, addresses: ['192.168.1.9'], reason: 'address-prohibited', rule: 'special:x' }),
    seen({ host: 'other.example', client: { address: '10.0.0.1', name: 'label.net' } }),
  ];
  const { code, out, err } = await run(['--config', file(t, BASE)], logOf(records));
  assert.deepEqual([code, err], [0, '']);
  for (const kept of ['# mine', '# the tool', `\${GH_TOKEN}`, '# kept']) assert.ok(out.includes(kept), kept);
  const { policy } = load(t, out, { GH_TOKEN: '0123456789abcdef' });
  assert.deepEqual([policy.mode, policy.default, policy.internal.length], ['enforce', 'none', 1]);
  assert.deepEqual(
    policy.allow.map(({ host, clients }) => [host?.text, clients === null ? null : [...clients]]),
    [
      ['*.github.com', ['github']],
      ['api.gitlab.com', ['github']],
      ['other.example', null],
    ],
  );
  assert.match(out, /# {3}- \{ host: "nas\.lan", ports: \[445\], clients: \["github"\] \} # 1 request/);
});

for (const [name, base] of [
  ['no policy', 'version: 1\n'],
  ['a policy in braces', 'version: 1\npolicy: { mode: report, default: public, allow: [ { host: a.example } ] }\n'],
  ['an empty list', 'version: 1\npolicy:\n  default: none\n  allow: []\n'],
] as const) {
  test(`a configuration with ${name} is extended, too`, async (t) => {
    const { out } = await run(['--config', file(t, base)], logOf([seen({}), decisionRecord()]));
    const { policy } = load(t, out);
    assert.deepEqual(
      [policy.default, policy.mode, policy.allow.at(-1)?.host?.text],
      ['none', 'enforce', 'api.example.com'],
    );
  });
}

test('records come from a pipe of a container engine, a file, and a saved answer of the API', async (t) => {
  const records = [seen({})];
  const prefixed = logOf(records).replace(/^/gm, 'egress-proxy-1  | ');
  for (const { code, out } of [
    await run([], `starting\n${prefixed}{"event":"closed"}\n`),
    await run([file(t, logOf(records))]),
    await run(['-'], JSON.stringify(records)),
  ]) {
    assert.equal(code, 0);
    assert.equal(load(t, out).policy.allow.length, 1);
  }
});

test('records come from the admin API, all pages of it, with its token', async (t) => {
  const admin = adminWith({ token: 'secret-token' });
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => admin.app.close());
  admin.add(seen({ id: 'first', host: 'first.example' }));
  admin.add(...Array.from({ length: 999 }, (_, i) => seen({ id: `r${i}` })));
  const { out } = await run(['--from', url], '', { EGRESS_ADMIN_TOKEN: 'secret-token' });
  assert.match(out, /from 1000 decisions/);
  assert.ok(out.includes('"first.example"'));
  assert.equal((await run(['--from', `${url}/?token=secret-token`])).code, 0);
  const wrong = await run(['--from', url]);
  assert.deepEqual([wrong.code, wrong.out], [1, '']);
  assert.match(wrong.err, /401/);
});

test('with --json it prints the rules with their counts, what it left out, and the same configuration', async () => {
  const log = logOf([
    seen({ host: 'a.cdn.example', time: '2026-11-01T10:00:00.000Z' }),
    seen({ host: 'b.cdn.example', time: '2026-11-01T09:00:00.000Z' }),
    seen({ host: 'c.cdn.example', time: '2026-11-01T11:00:00.000Z', repeats: 4 }),
    seen({ outcome: 'deny', reason: 'host-not-allowed', host: 'evil.example.org', time: '2026-11-01T10:00:00.000Z' }),
    seen({ host: 'n8n', port: 5678, addresses: ['172.18.0.5'], time: '2026-11-01T10:00:00.000Z' }),
    seen({ host: 'bad.example', reason: 'host-denied', rule: 'deny[0]', time: '2026-11-01T10:00:00.000Z' }),
  ]);
  const { code, out, err } = await run(['--json'], log);
  assert.deepEqual([code, err], [0, '']);
  const rest = { address: null, clients: null, client: 'github' };
  assert.deepEqual(JSON.parse(out), {
    decisions: 6,
    from: '2026-11-01T09:00:00.000Z',
    to: '2026-11-01T11:00:00.000Z',
    rules: [
      { section: 'allow', state: 'active', host: '*.cdn.example', ports: [443], requests: 7, names: 3, ...rest },
      { section: 'allow', state: 'refused', host: 'evil.example.org', ports: [443], requests: 1, names: 1, ...rest },
      { section: 'internal', state: 'private', host: 'n8n', ports: [5678], requests: 1, names: 1, ...rest },
    ],
    leftOut: [{ reason: 'host-denied', decisions: 1 }],
    configuration: (await run([], log)).out,
  });
});

test('with --json the rules name the clients of the configuration, and --output takes the object', async (t) => {
  const path = file(t, '');
  const { code, out } = await run(['--json', '--config', file(t, BASE), '--output', path], logOf([seen({})]));
  assert.deepEqual([code, out], [0, '']);
  const { rules, configuration } = JSON.parse(readFileSync(path, 'utf8'));
  assert.deepEqual([rules.length, rules[0].clients, rules[0].host], [1, ['github'], 'api.example.com']);
  assert.match(configuration, /^# Suggested by [\s\S]*# mine/);
});

test('with --json no text of a record can steer a terminal', async () => {
  const records = HOSTILE.map((text) => seen({ client: { address: text, name: text } }));
  const { out } = await run(['--json'], logOf(records));
  assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.ok(JSON.parse(out).rules.length > 0);
});

test('what is wrong with the source is said with what to do next', async (t) => {
  assert.match((await run([], 'no records here\n')).err, /^suggest: there are no decision records .*log\.format json/);
  assert.deepEqual((await run(['--from', 'localhost:9180'])).code, 2);
  assert.match((await run(['--from', '127.0.0.1'])).err, /such as http:/);
  assert.match((await run(['--from', 'http://127.0.0.1:1'])).err, /^suggest: no answer from http:.*listen\.admin/);
  const admin = adminWith({ token: 'secret-token' });
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => admin.app.close());
  assert.match((await run(['--from', url])).err, /status 401: set EGRESS_ADMIN_TOKEN/);
});

test('nothing to read, a bad option and a missing file are reported on stderr', async () => {
  assert.equal((await run([], 'no records here\n')).code, 1);
  assert.equal((await run(['--no-such'])).code, 2);
  assert.equal((await run(['a', 'b'])).code, 2);
  const missing = await run(['/nonexistent/log']);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /ENOENT/);
});

test('no text of a record becomes anything but a comment', async (t) => {
  const records = HOSTILE.flatMap((text) => [
    seen({ host: text }),
    seen({ client: { address: text, name: text } }),
    seen({ addresses: [text] }),
  ]);
  const { out } = await run([], logOf(records));
  assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u);
  const { policy } = load(t, out);
  assert.deepEqual([...new Set(policy.allow.map(({ host }) => host?.text))], ['api.example.com']);
});
