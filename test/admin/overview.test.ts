import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { changesBetween } from '../../proxy/admin/policy-changes.js';
import type { PolicyView } from '../../proxy/admin/policy-view.js';
import { decisionJson } from '../../proxy/observe/json-line.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { decisionRecord, HOSTILE } from '../observe/records.js';
import { adminWith } from './build.js';

const isoAgo = (ms: number): string => new Date(Date.now() - ms).toISOString();
const HOUR = 3_600_000;

test('the same refusal 400 times is one row with its count, whatever comes between', async () => {
  const { app, add } = adminWith();
  for (let i = 0; i < 200; i++) {
    add(
      decisionRecord({ id: `a${i}`, time: isoAgo(1000 - i), repeats: 1 }),
      decisionRecord({ id: `b${i}`, host: `h${i}` }),
    );
  }
  const groups = (await app.inject('/v1/decisions/groups?host=169.254.169.254')).json();
  assert.equal(groups.length, 1);
  assert.deepEqual([groups[0].count, groups[0].record.id], [400, 'a199']);
  assert.ok(groups[0].first < groups[0].record.time);
  assert.equal((await app.inject('/v1/decisions/groups?limit=10')).json().length, 10);
});

test('another client, port, outcome or reason is another row', async () => {
  const { app, add } = adminWith();
  add(
    decisionRecord({ id: '1' }),
    decisionRecord({ id: '2', client: { address: '172.31.250.8', name: 'other' } }),
    decisionRecord({ id: '3', port: 81 }),
    decisionRecord({ id: '4', reason: 'address-prohibited' }),
    decisionRecord({ id: '5', outcome: 'allow', reason: 'metadata-address', mode: 'report' }),
    decisionRecord({ id: '6', outcome: 'allow', reason: null }),
  );
  assert.equal((await app.inject('/v1/decisions/groups')).json().length, 6);
});

test('a search finds a part of host, client, address, reason or rule, and nothing else', async () => {
  const { app, add } = adminWith();
  add(
    decisionRecord({ id: 'host', host: 'API.GitHub.com', port: 443, rule: 'allow:forge', reason: 'port-not-allowed' }),
    decisionRecord({ id: 'client', host: 'x.example', client: { address: '172.31.250.9', name: 'github' } }),
    decisionRecord({ id: 'none', host: 'y.example', client: { address: '172.31.250.10', name: 'slack' } }),
  );
  const found = async (q: string) =>
    (await app.inject(`/v1/decisions?q=${encodeURIComponent(q)}`)).json().map(({ id }: DecisionRecord) => id);
  assert.deepEqual(await found('github.com:443'), ['host']);
  assert.deepEqual(await found('250.9'), ['client']);
  assert.deepEqual(await found('forge'), ['host']);
  assert.deepEqual(await found('not-allowed'), ['host']);
  assert.deepEqual(await found('absent'), []);
});

test('what is let through in mode report has a count of its own', () => {
  const { ring, add } = adminWith();
  add(
    decisionRecord({ id: '1', outcome: 'allow', mode: 'report', repeats: 2 }),
    decisionRecord({ id: '2', outcome: 'allow', reason: null }),
  );
  assert.deepEqual(ring.totals(), { allow: 4, deny: 0, fail: 0, reported: 3 });
});

test('decisions are exported as JSON and as CSV, with the filter of the list', async () => {
  const { app, add } = adminWith();
  add(decisionRecord({ id: '1' }), decisionRecord({ id: '2', client: { address: '::1', name: 'other' } }));
  const json = await app.inject('/v1/decisions/export?client=github');
  assert.deepEqual(
    json.json().map(({ id }: DecisionRecord) => id),
    ['1'],
  );
  assert.equal(json.headers['content-disposition'], 'attachment; filename="decisions.json"');
  const csv = await app.inject('/v1/decisions/export?format=csv&client=github');
  assert.match(String(csv.headers['content-type']), /^text\/csv/);
  assert.deepEqual(csv.body.split('\r\n'), [
    'time,id,outcome,reason,rule,mode,client,client_address,door,method,host,port,addresses,dialed,status,dns_ms,connect_ms,repeats,server_name',
    '2026-11-23T04:00:00.000Z,1,deny,metadata-address,never:169.254.169.254/32,enforce,github,172.31.250.7,connect,CONNECT,169.254.169.254,80,169.254.169.254,,403,,,,',
    '',
  ]);
  assert.equal((await app.inject('/v1/decisions/export?format=xml')).statusCode, 400);
});

for (const text of [
  ...HOSTILE,
  '=cmd|/C calc',
  '+1',
  '-1',
  '@sum(a1)',
  'a,b',
  '\t=1',
  '\r=1',
  ' =1',
  '\uff1d1',
  '\uff0b1',
  'a;=1',
]) {
  test(`${JSON.stringify(text)} is one harmless cell of a spreadsheet`, async () => {
    const { app, add } = adminWith();
    add(decisionRecord({ id: '1', host: text }), decisionRecord({ id: '2' }));
    const { body } = await app.inject('/v1/decisions/export?format=csv');
    assert.equal(body.split('\r\n').length, 4);
    assert.doesNotMatch(body.replaceAll('\r\n', ''), /[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    const cells = body.split('\r\n')[2]?.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? [];
    assert.doesNotMatch(cells[10] ?? '', /^"?\s*[=+\-@\uff1d\uff0b]|^[^"].*;/);
  });
}

test('the lists of the last minutes are counted over what is in memory, and say how far back that goes', async () => {
  const { app, add } = adminWith();
  add(decisionRecord({ id: 'old', time: isoAgo(2 * HOUR), host: 'old.example' }));
  add(
    decisionRecord({ id: '1', time: isoAgo(1000), repeats: 4 }),
    decisionRecord({ id: '2', time: isoAgo(900), outcome: 'allow', reason: null, host: 'a.example', port: 443 }),
  );
  const top = (await app.inject('/v1/top?for=10m')).json();
  assert.deepEqual(top.clients, [{ client: 'github', allow: 1, deny: 5, fail: 0 }]);
  assert.deepEqual(
    top.hosts.map(({ host }: { host: string }) => host),
    ['169.254.169.254', 'a.example'],
  );
  assert.deepEqual(top.refusals, [
    { client: 'github', host: '169.254.169.254', port: 80, reason: 'metadata-address', count: 5 },
  ]);
  assert.deepEqual([top.source, top.complete], ['memory', true]);
  const day = (await app.inject('/v1/top?for=24h')).json();
  assert.deepEqual([day.source, day.complete, day.hosts.length], ['memory', false, 3]);
  assert.equal((await app.inject('/v1/top?for=2y')).statusCode, 400);
});

function logFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'egress-top-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('over a day and a week the files of the log are counted, whatever else is in them', async (t) => {
  const folder = logFolder(t);
  const line = (change: Partial<DecisionRecord>) => decisionJson(decisionRecord(change));
  const long = 'x'.repeat(300_000);
  writeFileSync(
    join(folder, 'egress.1.log'),
    `${line({ id: '0', time: isoAgo(30 * 24 * HOUR), host: 'month.example' })}\n`,
  );
  writeFileSync(
    join(folder, 'egress.2.log'),
    [line({ id: '1', time: isoAgo(72 * HOUR), host: 'days.example' }), 'not json', '{"event":"closed"}', long].join(
      '\n',
    ),
  );
  writeFileSync(
    join(folder, 'egress.3.log'),
    Array.from({ length: 3000 }, (_, i) => line({ id: `n${i}`, time: isoAgo(HOUR), host: 'today.example', repeats: 1 }))
      .join('\n')
      .concat('\n'),
  );
  const { app } = adminWith({ logFile: join(folder, 'egress.log') });
  const day = (await app.inject('/v1/top?for=24h')).json();
  assert.deepEqual([day.source, day.complete], ['files', true]);
  assert.deepEqual(day.hosts, [{ host: 'today.example', port: 80, allow: 0, deny: 6000, fail: 0 }]);
  const week = (await app.inject('/v1/top?for=7d')).json();
  assert.deepEqual(
    week.hosts.map(({ host }: { host: string }) => host),
    ['today.example', 'days.example'],
  );
  assert.equal(week.complete, true);
});

test('a log that does not go back far enough says from when on it counts', async (t) => {
  const folder = logFolder(t);
  const time = isoAgo(HOUR);
  writeFileSync(join(folder, 'egress.1.log'), `${decisionJson(decisionRecord({ time }))}\n`);
  const top = (await adminWith({ logFile: join(folder, 'egress.log') }).app.inject('/v1/top?for=7d')).json();
  assert.deepEqual([top.since, top.complete], [time, false]);
  const gone = (await adminWith({ logFile: join(folder, 'no', 'egress.log') }).app.inject('/v1/top?for=7d')).json();
  assert.deepEqual([gone.hosts, gone.complete], [[], false]);
});

test('made-up names without end are counted, and only so many are distinguished', async () => {
  const { createTally } = await import('../../proxy/observe/tally.js');
  const tally = createTally();
  for (let i = 0; i < 30_000; i++) tally.add(decisionRecord({ host: `h${i}.example` }));
  const { hosts, clients, uncounted } = tally.top(5);
  assert.equal(hosts.length, 5);
  assert.deepEqual([clients[0]?.deny, uncounted], [30_000, 20_000]);
});

test('what is allowed has no line that would allow it, and DNS that took its time was asked', async () => {
  const { app, add } = adminWith();
  add(
    decisionRecord({
      id: 'allowed',
      outcome: 'allow',
      reason: null,
      rule: 'default',
      host: 'a.example',
      port: 443,
      addresses: ['192.0.66.1'],
      dnsMs: 5,
    }),
  );
  add(
    decisionRecord({
      id: 'failed',
      outcome: 'fail',
      reason: 'name-not-found',
      rule: null,
      host: 'b.example',
      port: 443,
      addresses: [],
      dnsMs: 5,
    }),
  );
  const allowed = (await app.inject('/v1/decisions/allowed')).json();
  assert.deepEqual(allowed.allow, { note: 'It is allowed already, by policy.default.', lines: [] });
  assert.equal(allowed.deny.lines.length, 1);
  const failed = (await app.inject('/v1/decisions/failed')).json();
  assert.doesNotMatch(failed.allow.note, /DNS was not asked/);
});

const VIEW: PolicyView = {
  digest: 'd',
  mode: 'enforce',
  default: 'public',
  sni: 'log',
  requires: 'optional',
  showAddresses: 'named',
  nat64: [],
  private: [],
  allow: [{ id: 'allow[0]', host: 'a.example', address: null, ports: [443], clients: null }],
  deny: [],
  internal: [],
  clients: [
    { name: 'github', address: null, server: null, pods: null, token: true, default: 'public', mode: 'enforce' },
  ],
  warnings: [],
};

test('a reload is put in words: keys, rules and clients that differ, and nothing where none does', () => {
  assert.deepEqual(changesBetween(VIEW, { ...VIEW, digest: 'other' }), []);
  const after: PolicyView = {
    ...VIEW,
    default: 'none',
    requires: 'required',
    allow: [],
    deny: [{ id: 'deny:evil', host: '*.evil.example', address: null, ports: null, clients: ['github'] }],
    clients: [
      { name: 'slack', address: null, server: null, pods: null, token: true, default: 'none', mode: 'enforce' },
    ],
  };
  assert.deepEqual(changesBetween(VIEW, after), [
    'policy.default: public, now none',
    'policy.clients: optional, now required',
    'policy.deny: added evil: *.evil.example, clients github',
    'policy.allow: removed a.example, ports 443',
    'clients: added slack',
    'clients: removed github',
  ]);
});

test('the policy comes with the last reload, refused or not', async () => {
  const lastReload = {
    at: isoAgo(0),
    ok: false,
    errors: ['policy.default: "x" is not one of public, none'],
    changes: [],
  };
  assert.deepEqual(
    (await adminWith({ lastReload: () => lastReload }).app.inject('/v1/policy')).json().reload,
    lastReload,
  );
  assert.equal((await adminWith().app.inject('/v1/policy')).json().reload, null);
});
