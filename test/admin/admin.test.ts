import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyView } from '../../proxy/admin/policy-view.js';
import { closedPolicy } from '../../proxy/config/compile.js';
import { parsePrefix } from '../../proxy/core/address.js';
import { parseHostPattern } from '../../proxy/core/target.js';
import { idleMetrics } from '../observe/idle-metrics.js';
import { decisionRecord } from '../observe/records.js';
import { adminWith } from './build.js';

test('metrics are Prometheus text', async () => {
  const metrics = idleMetrics();
  const response = await adminWith({ registry: metrics.registry }).app.inject('/metrics');
  assert.match(String(response.headers['content-type']), /^text\/plain/);
  assert.match(response.body, /^egress_tunnels_open 0$/m);
});

test('check asks for the verdict with the client that is named', async () => {
  const { app } = adminWith();
  const check = async (payload: object) => (await app.inject({ method: 'POST', url: '/v1/check', payload })).json();
  assert.deepEqual(await check({ target: 'http://169.254.169.254/', client: 'github' }), {
    outcome: 'deny',
    reason: 'metadata-address',
    status: 403,
    rule: 'never:169.254.169.254/32',
    host: '169.254.169.254',
    port: 80,
    addresses: [],
    explanation: 'http://169.254.169.254/ for github',
  });
  assert.equal((await check({ target: 'a:1' })).explanation, 'a:1 for null');
});

for (const payload of [
  {},
  { target: '' },
  { target: 5 },
  { target: 'a:1', more: 1 },
  { target: 'a:1', client: 5 },
  [],
]) {
  test(`check of ${JSON.stringify(payload)} is a bad request, reported as JSON`, async () => {
    const response = await adminWith().app.inject({ method: 'POST', url: '/v1/check', payload });
    assert.deepEqual([response.statusCode, response.json().error], [400, 'bad-request']);
  });
}

test('check for a client that is not configured says so', async () => {
  const payload = { target: 'a:1', client: 'nobody' };
  const response = await adminWith().app.inject({ method: 'POST', url: '/v1/check', payload });
  assert.deepEqual([response.statusCode, response.json().error], [400, 'unknown-client']);
});

test('check takes JSON only, which no form of another page can send', async () => {
  const headers = { 'content-type': 'text/plain' };
  const response = await adminWith().app.inject({
    method: 'POST',
    url: '/v1/check',
    headers,
    payload: '{"target":"a:1"}',
  });
  assert.equal(response.statusCode, 415);
});

test('a defect of a handler is a 500 that reveals nothing of it', async () => {
  const check = () => Promise.reject(new Error('secret detail'));
  const response = await adminWith({ check }).app.inject({
    method: 'POST',
    url: '/v1/check',
    payload: { target: 'a:1' },
  });
  assert.deepEqual([response.statusCode, response.json().error], [500, 'internal-error']);
  assert.ok(!response.body.includes('secret'));
});

test('decisions are the records of the log, newest first, filtered and in pages', async () => {
  const { app, add } = adminWith();
  const records = Array.from({ length: 150 }, (_, i) =>
    decisionRecord({ id: `r${i}`, ...(i % 2 === 0 ? {} : { outcome: 'allow' as const, reason: null }) }),
  );
  add(...records);
  const get = async (query: string) => (await app.inject(`/v1/decisions${query}`)).json();
  assert.equal((await get('')).length, 100);
  assert.deepEqual((await get('?limit=1'))[0], { level: 'info', ...records[149] });
  const denied = await get('?outcome=deny&client=github&host=&limit=2&before=r148');
  assert.deepEqual(
    denied.map(({ id }: { id: string }) => id),
    ['r146', 'r144'],
  );
});

for (const query of ['limit=0', 'limit=-1', 'limit=x', 'limit=1e3', 'outcome=maybe', 'reason=none', 'host=a&host=b']) {
  test(`a query ${query} is a bad request`, async () => {
    const response = await adminWith().app.inject(`/v1/decisions?${query}`);
    assert.deepEqual([response.statusCode, response.json().error], [400, 'bad-request']);
  });
}

test('one decision is found by its id while it is held', async () => {
  const { app, add } = adminWith();
  add(decisionRecord({ id: 'r7' }));
  const found = (await app.inject('/v1/decisions/r7')).json();
  assert.equal(found.record.id, 'r7');
  assert.match(found.explanation, /metadata service.* It is .*169\.254\.169\.254/);
  assert.deepEqual(found.allow, { note: 'Nothing opens this: no rule and no mode.', lines: [] });
  assert.equal((await app.inject('/v1/decisions/r8')).statusCode, 404);
});

test('one decision comes with the line of the configuration that would change it', async () => {
  const { app, add } = adminWith();
  const change = {
    reason: 'host-not-allowed',
    rule: 'default',
    host: 'api.example.com',
    port: 443,
    addresses: [],
  } as const;
  add(
    decisionRecord({ id: 'r1', ...change }),
    decisionRecord({ id: 'r2', ...change, client: { address: '10.0.0.1', name: 'x.net' } }),
  );
  const known = (await app.inject('/v1/decisions/r1')).json();
  assert.deepEqual(known.allow, {
    note: 'DNS was not asked: if it answers with a private address, see the next refusal.',
    lines: [{ section: 'allow', line: '- { host: "api.example.com", ports: [443], clients: ["github"] }' }],
  });
  assert.deepEqual(known.deny.lines, [{ section: 'deny', line: '- { host: "api.example.com", clients: ["github"] }' }]);
  const unknown = (await app.inject('/v1/decisions/r2')).json();
  assert.deepEqual(unknown.allow.lines, [{ section: 'allow', line: '- { host: "api.example.com", ports: [443] }' }]);
  assert.match(unknown.allow.note, /for every client/);
});

test('the reasons are listed with their sentences', async () => {
  const reasons = (await adminWith().app.inject('/v1/reasons')).json();
  assert.deepEqual(reasons['host-denied'], {
    outcome: 'deny',
    status: 403,
    error: 'http_request_denied',
    sentence: 'A deny rule covers this host.',
  });
});

test('the summary has a row for each client, host and port, the most recent first', async () => {
  const { app, add } = adminWith();
  const nas = { address: '10.0.0.1', name: null };
  add(
    decisionRecord({ id: 'a' }),
    decisionRecord({ id: 'b', client: { address: '10.9.9.9', name: 'github' }, outcome: 'allow', reason: null }),
    decisionRecord({ id: 'c', client: nas, outcome: 'fail', reason: 'dns-failed' }),
  );
  const rows = (await app.inject('/v1/decisions/summary')).json();
  assert.deepEqual(
    rows.map((row: Record<string, unknown>) => [row.client, row.allow, row.deny, row.fail]),
    [
      [nas, 0, 0, 1],
      [{ address: '10.9.9.9', name: 'github' }, 1, 1, 0],
    ],
  );
});

test('the policy is shown with its digest and without any token', () => {
  const host = parseHostPattern('*.github.com');
  const address = parsePrefix('10.0.0.0/8');
  const rule = { host, address: null, ports: [{ from: 443, to: 443 }], clients: new Set(['github']) };
  const view = policyView({
    digest: () => 'd1',
    policy: closedPolicy({
      allow: [{ id: 'allow[0]', ...rule }],
      deny: [{ id: 'deny[0]', host: null, address, ports: [{ from: 1, to: 9 }], clients: null }],
      perClient: new Map([['github', closedPolicy({ default: 'public', mode: 'report' })]]),
    }),
    clients: [{ name: 'github', token: 'secret', address: null, server: null, pods: null }],
    warnings: [],
  });
  assert.deepEqual(view.allow, [
    { id: 'allow[0]', host: '*.github.com', address: null, ports: [443], clients: ['github'] },
  ]);
  assert.deepEqual(view.deny, [{ id: 'deny[0]', host: null, address: '10.0.0.0/8', ports: ['1-9'], clients: null }]);
  assert.deepEqual(view.clients, [
    { name: 'github', address: null, server: null, pods: null, token: true, default: 'public', mode: 'report' },
  ]);
  assert.ok(!JSON.stringify(view).includes('secret'));
});

test('a missing resource is reported as JSON', async () => {
  const response = await adminWith().app.inject('/etc/passwd');
  assert.deepEqual([response.statusCode, response.json().error], [404, 'not-found']);
});
