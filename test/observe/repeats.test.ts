import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { CloseRecord, DecisionRecord } from '../../proxy/observe/record.js';
import { ALLOWANCES, INTERVAL_MS, Repeats } from '../../proxy/observe/repeats.js';
import { closeRecord, decisionRecord } from './records.js';

function stand(context: TestContext) {
  context.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const decisions: DecisionRecord[] = [];
  const closes: CloseRecord[] = [];
  const sink = new Repeats(
    { decision: (record) => decisions.push(record), closed: (record) => closes.push(record) },
    { now: Date.now },
  );
  let count = 0;
  return {
    decisions,
    closes,
    sink,
    refuse(change: Partial<DecisionRecord> = {}) {
      count += 1;
      sink.decision(
        decisionRecord({ id: `r${count}`, reason: 'host-denied', host: 'a.example', rule: 'deny[0]', ...change }),
      );
    },
    /** Second by second, as the timer of a proxy runs. */
    pass(ms: number) {
      for (let i = 0; i < ms; i += 1000) context.mock.timers.tick(1000);
    },
  };
}

const requests = (records: readonly DecisionRecord[]): number =>
  records.reduce((sum, { repeats = 0 }) => sum + 1 + repeats, 0);

test('in ordinary use every request has its record, refused or not', (t) => {
  const { decisions, refuse } = stand(t);
  for (let i = 0; i < ALLOWANCES.refused.same; i++) refuse();
  for (let i = 0; i < ALLOWANCES.quiet.same; i++) refuse({ outcome: 'allow', reason: null });
  assert.equal(decisions.length, ALLOWANCES.refused.same + ALLOWANCES.quiet.same);
  assert.ok(decisions.every(({ repeats }) => repeats === undefined));
});

test('repeats of one client, host and reason are one record for each interval, which counts them', (t) => {
  const { decisions, refuse, pass } = stand(t);
  for (let second = 0; second < 40; second++) {
    for (let i = 0; i < 1000; i++) refuse();
    pass(1000);
  }
  pass(INTERVAL_MS);
  assert.ok(decisions.length <= ALLOWANCES.refused.same + 5, `${decisions.length} records`);
  assert.equal(requests(decisions), 40_000);
  const [last] = decisions.slice(-1);
  assert.equal(last?.host, 'a.example');
  assert.equal(last?.rule, 'deny[0]');
});

test('a flood that has ended leaves nothing behind: the next request has its own record at once', (t) => {
  const { decisions, refuse, pass } = stand(t);
  for (let i = 0; i < 100; i++) refuse();
  pass(2 * INTERVAL_MS + 1000);
  const before = decisions.length;
  refuse();
  assert.equal(decisions.length, before + 1);
  assert.equal(decisions.at(-1)?.repeats, undefined);
});

test('a client that asks for ever new hosts has an allowance too; then the client and the reason are counted', (t) => {
  const { decisions, refuse, pass } = stand(t);
  for (let i = 0; i < 5000; i++) refuse({ host: `n${i}.example`, addresses: ['8.8.8.8'] });
  assert.equal(decisions.length, ALLOWANCES.refused.client);
  pass(INTERVAL_MS + 1000);
  const [counted] = decisions.slice(-1);
  assert.deepEqual([counted?.host, counted?.port, counted?.rule, counted?.addresses], [null, null, null, []]);
  assert.deepEqual([counted?.client.name, counted?.reason], ['github', 'host-denied']);
  assert.equal(requests(decisions), 5000);
});

test('a flood of one client leaves the records of others alone, and many that flood share one allowance', (t) => {
  const { decisions, refuse } = stand(t);
  for (let i = 0; i < 100; i++) {
    for (let j = 0; j < 300; j++) refuse({ host: `n${j}.example`, client: { address: `10.0.0.${i}`, name: null } });
  }
  assert.ok(decisions.length <= ALLOWANCES.refused.all + 100 * 6, 'and a few for each client');
  refuse({ client: { address: '10.9.9.9', name: 'quiet' } });
  assert.equal(decisions.at(-1)?.client.name, 'quiet');
});

test('a flood of refusals takes nothing of the allowance for alarms', (t) => {
  const { decisions, refuse } = stand(t);
  for (let i = 0; i < 5000; i++) refuse({ host: `n${i}.example` });
  refuse({ reason: 'metadata-address', host: '169.254.169.254' });
  assert.equal(decisions.at(-1)?.host, '169.254.169.254');
});

test('nothing that was counted is lost when the proxy ends, or when other keys need the memory', (t) => {
  const { decisions, refuse, sink } = stand(t);
  for (let i = 0; i < 100; i++) refuse();
  sink.flush();
  assert.equal(requests(decisions), 100);
  const few: DecisionRecord[] = [];
  const small = new Repeats({ decision: (record) => few.push(record), closed() {} }, { memoryBytes: 20_000 });
  for (let i = 0; i < 100; i++) {
    for (let j = 0; j < 50; j++)
      small.decision(decisionRecord({ id: `${i}-${j}`, reason: 'host-denied', host: `n${i}.test` }));
  }
  small.flush();
  assert.equal(requests(few), 5000);
});

test('tunnels that close in a flood are counted with their bytes', (t) => {
  const { closes, sink, pass } = stand(t);
  const many = ALLOWANCES.closed.same + 300;
  for (let i = 0; i < many; i++) sink.closed(closeRecord({ id: `r${i}` }));
  pass(INTERVAL_MS + 1000);
  assert.equal(closes.length, ALLOWANCES.closed.same + 1);
  const last = closes.at(-1);
  assert.deepEqual([last?.repeats, last?.bytesUp, last?.bytesDown], [299, 3000, 600_000]);
});

test('the id of a refusal that was counted leads to the record that counts it', (t) => {
  const { decisions, sink, refuse, pass } = stand(t);
  for (let i = 0; i < 100; i++) refuse();
  pass(INTERVAL_MS);
  const last = decisions.at(-1);
  assert.deepEqual([last?.id, last?.repeats], ['r100', 100 - ALLOWANCES.refused.same - 1]);
  assert.deepEqual(
    ['r50', 'r99', 'r100'].map((id) => sink.idOf(id)),
    ['r100', 'r100', 'r100'],
  );
  assert.deepEqual(
    ['r1', 'unheard'].map((id) => sink.idOf(id)),
    ['r1', 'unheard'],
  );
});
