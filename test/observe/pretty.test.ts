import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeJson, decisionJson } from '../../proxy/observe/json-line.js';
import { prettyRenderer } from '../../proxy/observe/pretty.js';
import { closeRecord, decisionRecord, HOSTILE } from './records.js';

const plain = prettyRenderer(false);

test('a refusal is one line with time, client, destination, door, reason and rule', () => {
  assert.equal(
    plain(decisionJson(decisionRecord())),
    '04:00:00.000 deny  github               169.254.169.254:80                   connect   metadata-address (never:169.254.169.254/32)',
  );
});

test('an allowed request shows where it went and how long that took', () => {
  const record = decisionRecord({
    outcome: 'allow',
    reason: null,
    rule: 'default',
    host: '2001:4860::1',
    port: 443,
    dialed: '2001:4860::1',
    dnsMs: 1.5,
    connectMs: 20,
    client: { address: '10.0.0.9', name: null },
  });
  assert.equal(
    plain(decisionJson(record)),
    '04:00:00.000 allow 10.0.0.9             [2001:4860::1]:443                   connect   (default) to 2001:4860::1, dns 1.5 ms, connect 20 ms',
  );
});

test('the columns of pretty lines are aligned', () => {
  const lines = [
    decisionRecord({ host: 'a.example' }),
    decisionRecord({ host: 'longer.name.example', outcome: 'allow', client: { address: '10.0.0.1', name: null } }),
  ].map((record) => plain(decisionJson(record)));
  assert.equal(new Set(lines.map((line) => line.indexOf(' connect '))).size, 1);
});

test('what report mode would have denied says so', () => {
  const record = decisionRecord({ outcome: 'allow', reason: 'host-denied', rule: 'deny[0]', mode: 'report' });
  assert.match(plain(decisionJson(record)), /would be denied: host-denied \(deny\[0\]\)/);
});

test('closed tunnels and events have their line, too', () => {
  assert.equal(
    plain(closeJson(closeRecord())),
    '04:00:00.000 closed api.github.com:443 r-0001 10 bytes up, 2000 down, 1.0 s, end'.replace('00.000', '01.000'),
  );
  const event = {
    level: 'error',
    time: '2026-11-23T04:00:00.000Z',
    event: 'reload-failed',
    errors: ['a', 'b'],
    msg: 'bad',
  };
  assert.equal(plain(JSON.stringify(event)), '04:00:00.000 error bad errors=["a","b"]');
});

test('there is colour only where it is asked for', () => {
  const json = decisionJson(decisionRecord());
  assert.ok(!plain(json).includes('\x1b'));
  const colored = prettyRenderer(true)(json);
  assert.ok(colored.includes('\x1b[31mdeny \x1b[0m'));
  assert.equal(colored.replace(/\x1b\[\d+m/g, ''), plain(json));
});

for (const text of HOSTILE) {
  test(`${JSON.stringify(text)} neither ends the line nor steers the terminal`, () => {
    const record = decisionRecord({
      host: text,
      rule: text,
      client: { address: text, name: text },
      dialed: text,
      outcome: 'fail',
    });
    const event = { level: 'error', time: '2026-11-23T04:00:00.000Z', [text]: text, list: [text], msg: text };
    for (const line of [plain(decisionJson(record)), plain(JSON.stringify(event))]) {
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    }
  });
}

test('at the start a person reads version, doors, policy and where the page is', () => {
  const listening = { proxy: '127.0.0.1:3128', admin: '127.0.0.1:9180' };
  const policy = { mode: 'enforce', default: 'public', rules: 1, config: 'config/policy.yaml' };
  const event = { level: 'info', time: '2026-11-26T04:00:00.000Z', event: 'listening', version: '1.0.0', listening };
  const greeting = prettyRenderer(false, true);
  assert.deepEqual(greeting(JSON.stringify({ ...event, ...policy })).split('\n'), [
    '04:00:00.000 egress-proxy 1.0.0 is ready',
    '    proxy      http://127.0.0.1:3128 (HTTP_PROXY, HTTPS_PROXY)',
    '    page       open http://127.0.0.1:9180/ in a browser',
    '    policy     config/policy.yaml: mode enforce, default public, 1 rule',
  ]);
});
