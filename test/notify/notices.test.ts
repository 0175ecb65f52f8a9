import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Contacts } from '../../proxy/notify/contacts.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { decisionRecord, HOSTILE } from '../observe/records.js';
import { noticesTo } from './notify.js';

const ALL = ['question', 'metadata', 'first-contact'];

function contact(address: string, host: string, name: string | null = null): DecisionRecord {
  return decisionRecord({
    outcome: 'allow',
    reason: null,
    rule: 'default',
    client: { address, name },
    host,
    port: 443,
  });
}

function asking(address: string, host: string) {
  return { client: { address, name: null }, host, port: 443, from: 'r-1' };
}

test('a metadata attempt is told with client, destination and id, and with what it means', async () => {
  const stand = noticesTo(ALL);
  stand.notices.decision(decisionRecord());
  await stand.notices.settled();
  const [told] = stand.told;
  assert.deepEqual(
    [told?.event, told?.instance, told?.id, told?.client.name, told?.host, told?.port, told?.count, told?.missed],
    ['metadata', 'nas', 'r-0001', 'github', '169.254.169.254', 80, 1, 0],
  );
  assert.match(
    told?.explanation ?? '',
    /^github asked for the metadata service at 169\.254\.169\.254:80\. It was refused/,
  );
  assert.equal(stand.counts.get('metadata sent'), 1);
});

test('only what the file names is told, and nothing where there is no receiver', async () => {
  const stand = noticesTo(['question']);
  stand.notices.decision(decisionRecord());
  stand.notices.decision(contact('10.1.0.1', 'a.test'));
  stand.notices.asked(asking('10.1.0.1', 'a.test'));
  stand.isOn = false;
  stand.notices.asked(asking('10.1.0.1', 'b.test'));
  await stand.notices.settled();
  assert.deepEqual(stand.told, []);
  stand.isOn = true;
  stand.notices.asked(asking('10.1.0.2', 'a.test'));
  await stand.notices.settled();
  assert.deepEqual(
    stand.told.map(({ event, host }) => [event, host]),
    [['question', 'a.test']],
  );
});

test('a flood of ten thousand questions is a few notices, whose counts sum up', async () => {
  const stand = noticesTo(ALL);
  for (let i = 0; i < 10_000; i++) stand.notices.asked(asking('10.1.0.1', `h${i}.test`));
  await stand.notices.settled();
  assert.ok(stand.told.length <= 6, `${stand.told.length} notices`);
  assert.equal(
    stand.told.reduce((sum, { count }) => sum + count, 0),
    10_000,
  );
  assert.deepEqual([stand.told.at(-1)?.host, stand.told.at(-1)?.port], [null, null]);
});

test('one that floods leaves the notices of another one alone', async () => {
  const stand = noticesTo(ALL);
  for (let i = 0; i < 10_000; i++) stand.notices.decision(contact('10.1.0.1', `h${i}.test`));
  stand.notices.decision(contact('10.1.0.2', 'api.test'));
  await stand.notices.settled();
  assert.ok(stand.told.some(({ client, host }) => client.address === '10.1.0.2' && host === 'api.test'));
});

test('when many clients ask at once, each is still told of at once, and the counts sum up', async () => {
  const stand = noticesTo(ALL);
  const [clients, questions] = [30, 5];
  for (let n = 0; n < clients; n++)
    for (let i = 0; i < questions; i++) stand.notices.asked(asking(`10.1.0.${n}`, `h${i}.test`));
  await stand.notices.settled();
  const { told } = stand;
  const singly = told.filter(({ count }) => count === 1);
  assert.ok(singly.length <= 30 + clients, `${singly.length} notices`);
  assert.equal(new Set(singly.map(({ client }) => client.address)).size, clients);
  assert.equal(
    told.reduce((sum, { count }) => sum + count, 0),
    clients * questions,
  );
});

test('ten thousand clients fill no more than the queue, and what is lost is said', async () => {
  const stand = noticesTo(ALL);
  for (let i = 0; i < 10_000; i++) stand.notices.asked(asking(`10.2.${i >> 8}.${i & 255}`, 'a.test'));
  await stand.notices.settled();
  const dropped = stand.counts.get('question dropped') ?? 0;
  assert.ok(stand.told.length <= 101, `${stand.told.length} notices`);
  assert.ok(dropped > 0);
  stand.notices.decision(decisionRecord());
  await stand.notices.settled();
  assert.equal(
    stand.told.reduce((sum, { missed }) => sum + missed, 0),
    dropped,
  );
});

test('a host is a first contact once for each client, and not where it was refused', async () => {
  const stand = noticesTo(ALL, ['github']);
  for (const record of [
    contact('10.1.0.1', 'a.test', 'github'),
    contact('10.1.0.9', 'a.test', 'github'),
    contact('10.1.0.2', 'a.test'),
    decisionRecord({ host: 'b.test', reason: 'host-denied' }),
  ])
    stand.notices.decision(record);
  stand.notices.known(contact('10.1.0.3', 'a.test'));
  stand.notices.decision(contact('10.1.0.3', 'a.test'));
  await stand.notices.settled();
  assert.deepEqual(
    stand.told.map(({ client }) => client.address),
    ['10.1.0.1', '10.1.0.2'],
  );
});

test('what one client makes up forgets its own contacts and nobody else’s', () => {
  const contacts = new Contacts();
  assert.equal(contacts.isFirst('github', 'api.test', true), true);
  assert.equal(contacts.isFirst('10.1.0.1', 'api.test', false), true);
  for (let i = 0; i < 20_000; i++) contacts.isFirst('nas', `made-up-${i}.test`, true);
  // With an address of its own for each, as raw sockets have; a name like that of a client of the configuration.
  for (let i = 0; i < 2000; i++) contacts.isFirst(`10.3.${i >> 8}.${i & 255}`, 'x.test', false);
  assert.equal(contacts.isFirst('github', 'api.test', true), false);
  assert.equal(contacts.isFirst('github', 'api.test', false), true);
});

test('an attempt that may work is made three times, with pauses; said once, until one arrives', async () => {
  const stand = noticesTo(ALL);
  stand.answer = () => ({ ok: false, why: 'status 503', mayWork: true });
  for (const address of ['10.1.0.1', '10.1.0.2']) stand.notices.asked(asking(address, 'a.test'));
  await stand.notices.settled();
  assert.deepEqual([stand.bodies.length, stand.pauses], [6, [1000, 10_000, 1000, 10_000]]);
  assert.equal(stand.counts.get('question failed'), 2);
  stand.answer = () => ({ ok: true });
  stand.notices.asked(asking('10.1.0.3', 'a.test'));
  await stand.notices.settled();
  assert.deepEqual(stand.events, ['failing: status 503', 'working, missed 2']);
  assert.deepEqual(
    stand.told.map(({ missed }) => missed),
    [2],
  );
});

test('an attempt that cannot work is made once', async () => {
  const stand = noticesTo(ALL);
  stand.answer = () => ({ ok: false, why: 'address-prohibited', mayWork: false });
  stand.notices.asked(asking('10.1.0.1', 'a.test'));
  await stand.notices.settled();
  assert.deepEqual([stand.bodies.length, stand.events], [1, ['failing: address-prohibited']]);
});

test('a request does not wait for a receiver that never answers, and the end of the process not for long', async () => {
  const stand = noticesTo(ALL);
  stand.answer = () => new Promise(() => undefined);
  stand.notices.asked(asking('10.1.0.1', 'a.test'));
  for (let i = 0; i < 500; i++)
    stand.notices.decision(decisionRecord({ client: { address: `10.4.0.${i}`, name: null } }));
  assert.equal(stand.bodies.length, 0);
  await stand.notices.close(1000);
  assert.deepEqual(stand.pauses, [1000]);
  stand.notices.asked(asking('10.1.0.9', 'a.test'));
  assert.equal(stand.counts.get('question dropped'), 1);
});

for (const hostile of [...HOSTILE, 'x'.repeat(5000), '<!channel> @everyone <https://evil.test|click>']) {
  test(`${JSON.stringify(hostile.slice(0, 40))} as client and host stays a short text`, async () => {
    const stand = noticesTo(ALL);
    stand.notices.decision(decisionRecord({ host: hostile, client: { address: hostile, name: hostile } }));
    await stand.notices.settled();
    const [body = ''] = stand.bodies;
    assert.ok(body.length < 8192, `${body.length} characters`);
    assert.doesNotMatch(body, /[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u);
    assert.doesNotMatch(stand.told[0]?.text ?? '', /[<>@&|`*\u0000-\u001f\u007f-\u009f]/u);
    assert.equal(stand.told.length, 1);
  });
}

test('a question about a name to look at twice says so, and a metadata attempt never does', async () => {
  const stand = noticesTo(ALL);
  stand.notices.asked(asking('10.1.0.2', 'xn--80ak6aa92e.com'));
  stand.notices.decision(contact('10.1.0.1', 'xn--mnchen-3ya.de'));
  stand.notices.decision({ ...decisionRecord(), host: 'xn--metadata.test' });
  stand.notices.asked(asking('10.1.0.3', 'a.test'));
  await stand.notices.settled();
  assert.deepEqual(
    stand.told.map(({ event, warning }) => [event, warning]),
    [
      ['question', 'look at xn--80ak6aa92e.com'],
      ['first-contact', 'look at xn--mnchen-3ya.de'],
      ['metadata', null],
      ['question', null],
    ],
  );
  assert.match(stand.told[0]?.explanation ?? '', /look at xn--80ak6aa92e\.com$/);
});
