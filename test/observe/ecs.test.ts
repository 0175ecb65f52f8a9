import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ecsLine } from '../../proxy/observe/ecs.js';
import { closeJson, decisionJson } from '../../proxy/observe/json-line.js';
import { openLog } from '../../proxy/observe/open-log.js';
import { closeRecord, decisionRecord, HOSTILE } from './records.js';

test('a refusal has the fields of ECS, and what ECS has no field for below egress', () => {
  assert.deepEqual(JSON.parse(ecsLine(decisionJson(decisionRecord({ host: 'a.example', dialed: null, dnsMs: 3 })))), {
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
    source: { address: '172.31.250.7', ip: '172.31.250.7' },
    user: { name: 'github' },
    destination: { address: 'a.example', domain: 'a.example', port: 80 },
    rule: { name: 'never:169.254.169.254/32' },
    http: { request: { method: 'CONNECT' }, response: { status_code: 403 } },
    egress: { mode: 'enforce', door: 'connect', dnsMs: 3, connectMs: null },
  });
});

test('a closed tunnel has its bytes, and its duration in nanoseconds', () => {
  const { event, source, destination, egress } = JSON.parse(ecsLine(closeJson(closeRecord())));
  assert.deepEqual([event.action, event.type, event.duration], ['closed', ['connection', 'end'], 1_000_000_000]);
  assert.deepEqual([source.bytes, destination.bytes, destination.domain], [10, 2000, 'api.github.com']);
  assert.deepEqual(egress, { door: 'connect', cause: 'end' });
});

test('no record has a text or a number in place of an object of ECS', () => {
  const objects = [
    'event',
    'source',
    'destination',
    'user',
    'rule',
    'http',
    'egress',
    'error',
    'host',
    'client',
    'client',
  ];
  for (const json of [
    decisionJson(decisionRecord()),
    closeJson(closeRecord()),
    '{"level":"info","time":"t","event":"listening","host":"x","msg":"ready"}',
  ]) {
    const line = JSON.parse(ecsLine(json));
    for (const name of objects) assert.ok(line[name] === undefined || typeof line[name] === 'object', name);
  }
});

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
  log.events.error({ event: 'defect', err: new Error('broken') }, 'a defect was caught');
  const record = decisionRecord();
  log.decisions.decision(record, decisionJson(record));
  const [defect, decision] = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    [defect.error.message, defect.message, defect['log.level']],
    ['broken', 'a defect was caught', 'error'],
  );
  assert.equal(decision.event.action, 'decision');
});
