import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { ecsLine } from '../../proxy/observe/ecs.js';
import { closeJson, decisionJson } from '../../proxy/observe/json-line.js';
import { openLog } from '../../proxy/observe/open-log.js';
import { closeRecord, decisionRecord, HOSTILE } from './records.js';

test('a refusal has the fields of ECS, and what ECS has no field for below egress', () => {
  const record = decisionRecord({ host: 'a.example', dialed: null, dnsMs: 3 });
  assert.deepEqual(JSON.parse(ecsLine(decisionJson(record), 'nas')), {
    '@timestamp': '2026-11-23T04:00:00.000Z',
    'log.level': 'warn',
    message: 'deny a.example:80: metadata-address',
    'ecs.version': '8.11.0',
    event: {
      kind: 'event',
      dataset: 'egress-proxy.log',
      action: 'decision',
      category: ['network'],
      type: ['connection', 'denied'],
      outcome: 'failure',
      id: 'r-0001',
      reason: 'metadata-address',
    },
    service: { name: 'mcp-egress-proxy', type: 'proxy' },
    host: { name: 'nas' },
    source: { address: '172.31.250.7', ip: '172.31.250.7' },
    user: { name: 'github' },
    destination: { address: 'a.example', domain: 'a.example', port: 80 },
    dns: { resolved_ip: ['169.254.169.254'] },
    rule: { name: 'never:169.254.169.254/32' },
    http: { request: { method: 'CONNECT' }, response: { status_code: 403 } },
    egress: { mode: 'enforce', door: 'connect', dnsMs: 3, connectMs: null },
  });
});

test('what is closed has its bytes, and its duration in nanoseconds', () => {
  const { event, source, destination, network, http, egress } = JSON.parse(ecsLine(closeJson(closeRecord())));
  assert.deepEqual([event.action, event.type, event.duration], ['closed', ['connection', 'end'], 1_000_000_000]);
  assert.deepEqual([source.bytes, destination.bytes, network.bytes], [10, 2000, 2010]);
  assert.deepEqual([destination.domain, http.response.status_code], ['api.github.com', 200]);
  assert.deepEqual(egress, { door: 'connect', cause: 'end' });
});

test('a server name that does not match is that of the TLS client', () => {
  const record = decisionRecord({ reason: 'sni-mismatch', serverName: 'other.example' });
  assert.equal(JSON.parse(ecsLine(decisionJson(record))).tls.client.server_name, 'other.example');
});

type Check = (value: unknown) => boolean;
const keyword: Check = (value) => typeof value === 'string';
const long: Check = (value) => Number.isSafeInteger(value);
const ip: Check = (value) => typeof value === 'string' && isIP(value) !== 0;
const among =
  (...words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value);

/** The fields of ECS 8.11 that the log uses, by https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html. */
const ECS: Readonly<Record<string, Check>> = {
  '@timestamp': (value) => typeof value === 'string' && new Date(value).toISOString() === value,
  'log.level': keyword,
  message: keyword,
  'ecs.version': keyword,
  'event.kind': among('event'),
  'event.dataset': keyword,
  'event.action': keyword,
  'event.category': among('network'),
  // Those that ECS expects of the category network.
  'event.type': among('access', 'allowed', 'connection', 'denied', 'end', 'info', 'protocol', 'start'),
  'event.outcome': among('success', 'failure', 'unknown'),
  'event.id': keyword,
  'event.reason': keyword,
  'event.duration': long,
  'service.name': keyword,
  'service.type': keyword,
  'host.name': keyword,
  'source.address': keyword,
  'source.ip': ip,
  'source.bytes': long,
  'user.name': keyword,
  'destination.address': keyword,
  'destination.domain': keyword,
  'destination.ip': ip,
  'destination.port': long,
  'destination.bytes': long,
  'network.bytes': long,
  'dns.resolved_ip': ip,
  'rule.name': keyword,
  'http.request.method': keyword,
  'http.response.status_code': long,
  'tls.client.server_name': keyword,
  'error.type': keyword,
  'error.message': keyword,
  'error.stack_trace': keyword,
};

/** Every value of a line with the name of its field; an array is one field with several values. */
function leaves(value: unknown, name: string): (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, name));
  if (typeof value !== 'object' || value === null) return [[name, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, name === '' ? key : `${name}.${key}`));
}

const TIME = '"level":"info","time":"2026-11-23T04:00:00.000Z"';
const LINES = [
  ...(['allow', 'deny', 'fail'] as const).map((outcome) => decisionJson(decisionRecord({ outcome }))),
  decisionJson(
    decisionRecord({ dialed: '2606:4700::1', host: '2606:4700::1', addresses: ['2606:4700::1'], repeats: 3 }),
  ),
  decisionJson(decisionRecord({ client: { address: 'unknown', name: null }, host: null, port: null, addresses: [] })),
  decisionJson(decisionRecord({ host: '1.2.3', addresses: [], serverName: 'a.example' })),
  closeJson(closeRecord()),
  closeJson(closeRecord({ door: 'absolute', durationMs: 0.1234567, reason: 'sni-mismatch' })),
  `{${TIME},"event":"listening","host":"x","listening":{"relay[0]":"127.0.0.1:1"},"msg":"ready"}`,
  `{${TIME},"event":"name-asked","client":{"address":"172.31.250.7","name":null},"host":"a.example","msg":"asks"}`,
  `{${TIME},"event":"relay-down","relay":"relay[0]","to":"a:1","reason":"connect-refused","msg":"down"}`,
  `{${TIME},"event":"spawn","id":"1","outcome":"deny","reason":"image-unknown","address":null,"status":403,"field":null}`,
  `{${TIME},"event":"grant","action":"made","grant":{"client":"github","host":"a.example"},"msg":"a grant is made"}`,
  `{${TIME},"event":"defect","err":{"type":"Error","message":"broken","stack":"at x"},"msg":"an internal error was caught, and the process goes on"}`,
];

for (const json of LINES) {
  test(`every field is one of ECS with its type, or below egress: ${json.slice(60, 150)}`, () => {
    for (const [name, value] of leaves(JSON.parse(ecsLine(json)), '')) {
      if (name.startsWith('egress.')) continue;
      assert.ok(ECS[name] !== undefined, `${name} is no field of ECS that is known here`);
      assert.ok(ECS[name](value), `${name}: ${JSON.stringify(value)}`);
    }
  });
}

for (const text of HOSTILE) {
  test(`${JSON.stringify(text)} stays within one visible line`, () => {
    const line = ecsLine(decisionJson(decisionRecord({ host: text, client: { address: text, name: text } })));
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u);
    assert.equal(typeof JSON.parse(line).destination.address, 'string');
  });
}

test('with format ecs standard output has ECS lines, of events too', async () => {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), dropped: () => 0, close: async () => {} };
  const log = await openLog({ level: 'info', format: 'ecs', file: null }, sink);
  log.events.error(
    { event: 'defect', err: new Error('broken') },
    'an internal error was caught, and the process goes on',
  );
  const record = decisionRecord();
  log.decisions.decision(record, decisionJson(record));
  const [defect, decision] = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    [defect.error.message, defect.message, defect['log.level']],
    ['broken', 'an internal error was caught, and the process goes on', 'error'],
  );
  assert.equal(decision.event.action, 'decision');
});
