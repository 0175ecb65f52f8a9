/** What is asked, held and granted for one request, at every door that takes requests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { parseAddress } from '../../proxy/core/address.js';
import { DECIDING, draft } from '../decide/stand.js';
import { asking, HOLD_MS, http, once443, WAYS } from './asking-stand.js';
import { readAll } from './stand.js';

for (const [door, { port, ask }] of Object.entries(WAYS)) {
  test(`${door}: what is granted once is for the next request, and of two at the same moment for one`, async (t) => {
    const stand = await asking(t, '{ hold: 0s }');
    stand.control.book.grant(once443(port), DECIDING);
    const both = await Promise.all([ask(stand), ask(stand)]);
    const outcomes = await Promise.all(both.map(({ outcome }) => outcome));
    assert.deepEqual(outcomes.sort(), ['refused', 'through']);
    assert.equal(await (await ask(stand)).outcome, 'refused');
    assert.deepEqual(stand.control.book.grants, []);
    assert.equal(stand.dials.length, 1);
    const refusals = stand.decisions.filter(({ outcome }) => outcome === 'deny');
    assert.deepEqual([...new Set(refusals.map(({ reason }) => reason))], ['not-yet-allowed']);
  });

  test(`${door}: without a hold the request is refused at once, and an answer counts for the next one`, async (t) => {
    const stand = await asking(t, '{ hold: 0s }');
    assert.equal(await (await ask(stand)).outcome, 'refused');
    const [question] = stand.control.questions.list();
    assert.deepEqual([question?.host, question?.port, question?.waiting], ['site.test', port, 0]);
    stand.control.book.grant(draft('site.test', { ports: [port], forMs: 60_000 }), DECIDING);
    assert.deepEqual(stand.control.questions.list(), [], 'it is answered');
    assert.equal(await (await ask(stand)).outcome, 'through');
  });

  test(`${door}: a request that is held goes on when it is allowed, and is refused when it is blocked`, async (t) => {
    for (const effect of ['allow', 'block'] as const) {
      const stand = await asking(t, '{ hold: 30s }');
      const { outcome } = await ask(stand);
      await stand.waiting('site.test', 1);
      assert.deepEqual(stand.dials, []);
      stand.control.book.grant(draft('site.test', { effect, ports: [port], forMs: 60_000 }), DECIDING);
      assert.equal(await outcome, effect === 'allow' ? 'through' : 'refused');
      const { reason } = await stand.decision();
      assert.equal(reason, effect === 'allow' ? null : 'host-denied');
    }
  });

  test(`${door}: a request that is held is refused when nobody has answered in time`, async (t) => {
    const stand = await asking(t, '{ hold: 30s }');
    const { outcome } = await ask(stand);
    await stand.waiting('site.test', 1);
    stand.clock.pass(HOLD_MS);
    assert.equal(await outcome, 'refused');
    assert.equal((await stand.decision()).reason, 'not-yet-allowed');
    assert.deepEqual([stand.dials.length, stand.queries.length], [0, 0]);
  });

  for (const [how, leave] of [
    ['resets its connection', (client: Socket) => client.resetAndDestroy()],
    ['ends its side', (client: Socket) => client.end()],
  ] as const) {
    test(`${door}: a client that ${how} while it is held takes no grant with it`, async (t) => {
      const stand = await asking(t, '{ hold: 30s }');
      const { client, outcome } = await ask(stand);
      outcome.catch(() => undefined);
      await stand.waiting('site.test', 1);
      leave(client);
      await stand.waiting('site.test', 0);
      await stand.decision();
      stand.control.book.grant(once443(port), DECIDING);
      assert.equal(await (await ask(stand)).outcome, 'through');
      assert.equal(stand.dials.length, 1);
    });
  }
}

test('of many that are held for one host, what is granted once lets one through', async (t) => {
  const stand = await asking(t, '{ hold: 30s }');
  const { ask, port } = WAYS.CONNECT ?? assert.fail();
  const held = await Promise.all(Array.from({ length: 5 }, () => ask(stand)));
  await stand.waiting('site.test', 5);
  stand.control.book.grant(once443(port), DECIDING);
  const outcomes = held.map(({ outcome }) => outcome);
  assert.equal(await Promise.any(outcomes.map(async (one) => (await one) === 'through' || Promise.reject())), true);
  stand.clock.pass(HOLD_MS);
  assert.equal((await Promise.all(outcomes)).filter((one) => one === 'through').length, 1);
});

test('what is granted once for an address is for no other client, and is not used up by one', async (t) => {
  const stand = await asking(t, '{ hold: 0s }');
  const { port } = WAYS.CONNECT ?? assert.fail();
  const answerTo = async (localAddress: string): Promise<string> => {
    const client = net.connect({ host: '127.0.0.1', port: stand.port('proxy'), localAddress });
    t.after(() => client.destroy());
    client.write('CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n');
    return String((await once(client, 'data'))[0]).slice(0, 12);
  };
  stand.control.book.grant({ ...once443(port), clientAddress: '127.0.0.3' }, DECIDING);
  assert.equal(await answerTo('127.0.0.2'), 'HTTP/1.1 403');
  assert.equal(await answerTo('127.0.0.3'), 'HTTP/1.1 200');
  assert.equal(await answerTo('127.0.0.3'), 'HTTP/1.1 403');
});

test('what is granted once is used up by a request that needs it for the second address of its answer', async (t) => {
  const stand = await asking(t, '{ hold: 0s }');
  const confirmed = parseAddress('10.0.0.7') ?? assert.fail();
  const privately = { internal: true, addresses: [confirmed], ports: [443], once: true };
  stand.control.book.grant(draft('both.test', { forMs: 60_000 }), DECIDING);
  stand.control.book.grant(draft('both.test', privately), DECIDING);
  const { ask } = http('proxy', 'CONNECT both.test:443 HTTP/1.1\r\nHost: both.test:443\r\n\r\n', 443);
  assert.equal(await (await ask(stand)).outcome, 'through');
  assert.deepEqual(
    stand.control.book.grants.map(({ once }) => once),
    [false],
  );
  assert.equal(await (await ask(stand)).outcome, 'refused');
});

test('what is granted once for an address lets the request go on that is held for it, and no other', async (t) => {
  const stand = await asking(t, '{ hold: 30s }');
  const { ask, port } = WAYS.CONNECT ?? assert.fail();
  const { outcome } = await ask(stand);
  await stand.waiting('site.test', 1);
  stand.control.book.grant({ ...once443(port), clientAddress: '127.0.0.9' }, DECIDING);
  assert.equal(stand.control.questions.list().length, 1, 'it is for another client');
  stand.control.book.grant({ ...once443(port), clientAddress: '127.0.0.1' }, DECIDING);
  assert.equal(await outcome, 'through');
});

test('over the bound of a client what it asks is refused at once, however long the hold is', async (t) => {
  const stand = await asking(t, '{ hold: 30s, perClient: 1 }');
  const { ask } = WAYS.CONNECT ?? assert.fail();
  await ask(stand);
  await stand.waiting('site.test', 1);
  const client = await stand.connect('proxy');
  client.write('CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n');
  assert.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 403 .*not-yet-allowed/s);
  assert.deepEqual(
    stand.control.questions.folded().map(({ more }) => more),
    [1],
  );
});

test('the drain does not wait for requests that are held for an answer', async (t) => {
  const stand = await asking(t, '{ hold: 30s }');
  const { ask } = WAYS.GET ?? assert.fail();
  const { outcome } = await ask(stand);
  await stand.waiting('site.test', 1);
  stand.control.questions.close();
  assert.equal(await outcome, 'refused');
});

test('a steered client gets the address of the proxy for a name that is a question, and asks it there', async (t) => {
  const stand = await asking(t, '{ hold: 0s }');
  const answers = async (name: string): Promise<unknown[]> => {
    const client = await stand.connect('steer.dns');
    const query = dnsPacket.streamEncode({ type: 'query', id: 1, questions: [{ type: 'A', name }] });
    const answer = readAll(client);
    client.end(query);
    const { answers: found = [] } = dnsPacket.streamDecode(await answer);
    return found.map((record) => ('data' in record ? record.data : null));
  };
  assert.deepEqual(await answers('site.test'), ['127.0.0.1']);
  assert.deepEqual(stand.queries, [], 'and nobody is asked for it');
  const { ask } = WAYS['steered TLS'] ?? assert.fail();
  assert.equal(await (await ask(stand)).outcome, 'refused');
  assert.equal(stand.control.questions.list()[0]?.host, 'site.test');
  stand.control.book.grant(draft('site.test', { effect: 'block', forMs: 60_000 }), DECIDING);
  assert.deepEqual(await answers('site.test'), []);
});
