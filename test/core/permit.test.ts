import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import type { Address } from '../../proxy/core/address.js';
import * as policyModule from '../../proxy/core/policy.js';
import { decideAddresses, isIssued, type Permit } from '../../proxy/core/policy.js';
import { UpstreamPool } from '../../proxy/http/upstream-pool.js';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { createDialer, dialed } from '../../proxy/net/dialer.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { pair } from '../net/socket-pair.js';
import { FORGERIES, VICTIM } from './forgeries.js';
import { addressOf, policyOf, questionOf } from './policy-question.js';

const never = new AbortController().signal;
const dialer = createDialer({
  inForce: { settings: { limits: { connectTimeoutMs: 60_000 } } },
  prefersIPv6: () => false,
});

function issued(port: number): Permit {
  const policy = policyOf({ default: 'none', internal: [{ address: '127.0.0.1/32', ports: [port] }] });
  const verdict = decideAddresses(policy, questionOf(`a.test:${port}`), [addressOf('127.0.0.1')]);
  assert.ok(verdict.outcome === 'allow');
  return verdict.permit;
}

const NO_USER = { onBytes: () => true, onDrain() {}, onEnd() {}, onWriteFailed() {}, onLost() {}, onLate() {} };

for (const [way, make] of FORGERIES) {
  test(`a Permit is not forged by ${way}`, async (t) => {
    const connections = await listen(t, '127.0.0.1', '127.0.0.2');
    const forged = permitIn(make(issued(connections.port)));
    assert.equal(isIssued(forged), false);
    await assert.rejects(dialed(dialer, forged as Permit, never), TypeError);
    const pool = new UpstreamPool(new DirectReads(Buffer.alloc(1024)), new Deadlines());
    const owner = { connection: new net.Socket(), tokenName: null };
    assert.throws(() => pool.take(forged as Permit, owner, 1000), TypeError);
    assert.throws(() => pool.adopt(forged as Permit, { socket: new net.Socket(), address: VICTIM }));
    await nothingMore(connections.port);
    assert.equal(connections.count(), 1);
  });
}

test('a connection of one Permit is kept for its target, and never for that of another', async (t) => {
  const { near, far } = await pair();
  t.after(() => void [near, far].map((socket) => socket.destroy()));
  const [mine, other] = [issued(80), issued(81)];
  const pool = new UpstreamPool(new DirectReads(Buffer.alloc(1024)), new Deadlines());
  const owner = { connection: new net.Socket(), tokenName: 'tool' };
  const connection = pool.adopt(mine, { socket: near, address: mine.addresses[0] });
  connection.serve(NO_USER);
  pool.keep(connection, owner, null);
  assert.equal(pool.take(other, owner, 1000), null);
  assert.equal(pool.take(issued(80), owner, 1000), connection);
  pool.close();
});

test('the constructor that every Permit leads to makes none', () => {
  const real = issued(80);
  const made = Object.getPrototypeOf(real).constructor;
  for (const first of [undefined, Symbol(), real, real.target]) {
    assert.throws(() => Reflect.construct(made, [first, real.target, [VICTIM], 'default']), TypeError);
    assert.throws(() => Reflect.construct(class extends made {}, [first, real.target, [VICTIM], 'default']));
  }
});

test('the class of every Permit cannot be changed, nor what it inherits from', () => {
  const made = issued(80).constructor;
  assert.ok(Object.isFrozen(made) && Object.isFrozen(made.prototype));
  assert.equal(Reflect.setPrototypeOf(made, class {}), false);
  assert.deepEqual(Object.keys(policyModule).sort(), [
    'decideAddresses',
    'decideHost',
    'decideName',
    'holdsAddress',
    'isIssued',
    'policyFor',
  ]);
});

test('a Permit that is issued after Object.freeze was replaced is frozen', (t) => {
  t.mock.method(Object, 'freeze', (value: unknown) => value);
  const real = issued(80);
  t.mock.restoreAll();
  assert.ok([real, real.addresses, real.addresses[0], real.target, real.target.host].every(Object.isFrozen));
});

test('rules deny and open as before when lists find nothing any more', () => {
  const policy = policyOf({ deny: [{ host: 'a.test' }], internal: [{ address: '10.0.0.1/32', ports: [443] }] });
  const [denied, opened] = [questionOf('a.test:443'), questionOf('b.test:443')];
  const [outside, inside] = [addressOf('93.184.215.14'), addressOf('10.0.0.1')];
  const verdicts = withBlindLists(() => [
    decideAddresses(policy, denied, [outside]),
    decideAddresses(policy, opened, [inside]),
  ]);
  const rules = verdicts.map((verdict) => (verdict.outcome === 'deny' ? verdict.rule : verdict.permit.rule));
  assert.deepEqual(rules, ['deny[0]', 'internal[0]']);
});

test('a Permit is dialled at its own address, whatever has been put into the prototypes of lists', async (t) => {
  const connections = await listen(t, '127.0.0.1', '127.0.0.2');
  const real = issued(connections.port);
  const genuine = Array.prototype[Symbol.iterator];
  Reflect.set(Array.prototype, Symbol.iterator, function (this: unknown[]) {
    return genuine.call(Object.is(this, real.addresses) ? [VICTIM] : this);
  });
  t.after(() => Reflect.set(Array.prototype, Symbol.iterator, genuine));
  const opened = await dialed(dialer, real, never).catch(() => null);
  const address = opened?.socket.remoteAddress ?? '127.0.0.1';
  opened?.socket.destroy();
  assert.equal(address, '127.0.0.1');
});

test('a class with a private field of the same name is not one', () => {
  class Mine {
    readonly #issued = true;
    readonly is = this.#issued;
  }
  assert.equal(isIssued(new Mine()), false);
});

test('nothing of a Permit can be changed after it was issued', () => {
  const real = issued(80);
  const changes: readonly (readonly [object, string, unknown])[] = [
    [real, 'addresses', [VICTIM]],
    [real, 'target', { ...real.target, port: 22 }],
    [real.addresses, '0', VICTIM],
    [real.addresses[0], 'text', VICTIM.text],
    [real.addresses[0].bytes, '3', 2],
    [real.target, 'port', 22],
    [real.target.host, 'name', 'b.test'],
  ];
  for (const [on, key, value] of changes) assert.equal(Reflect.set(on, key, value), false, key);
  assert.equal(Reflect.defineProperty(real, 'addresses', { value: [VICTIM] }), false);
  assert.equal(Reflect.setPrototypeOf(real, {}), false);
});

test('what is changed in the question after the verdict does not change the Permit', () => {
  const question = questionOf('a.test:443');
  const answer = [addressOf('93.184.215.14')];
  const verdict = decideAddresses(policyOf({}), question, answer);
  assert.ok(verdict.outcome === 'allow');
  Reflect.set(question.target, 'port', 22);
  Reflect.set(answer, '0', VICTIM);
  assert.equal(verdict.permit.target.port, 443);
  assert.equal(verdict.permit.addresses[0].text, '93.184.215.14');
});

test('a target and an address that answer differently each time are judged by what is dialled', () => {
  const policy = policyOf({ default: 'none', allow: [{ host: 'a.test', ports: [443] }] });
  const question = questionOf('a.test:443');
  for (let honest = 0; honest < 8; honest++) {
    let ports = 0;
    let reads = 0;
    const target = { ...question.target };
    Object.defineProperty(target, 'port', { enumerable: true, get: () => (ports++ < honest ? 443 : 22) });
    const address = { ...addressOf('93.184.215.14') };
    const [good, bad] = [address.bytes, VICTIM.bytes];
    Object.defineProperty(address, 'bytes', { enumerable: true, get: () => (reads++ < honest ? good : bad) });
    const verdict = decideAddresses(policy, { ...question, target }, [address]);
    if (verdict.outcome === 'deny') continue;
    assert.equal(verdict.permit.target.port, 443);
    assert.deepEqual(verdict.permit.addresses[0].bytes, good);
  }
});

test('an address whose text is another one is dialled as what was judged', () => {
  const twoFaced: Address = { family: 4, bytes: [93, 184, 215, 14], text: VICTIM.text };
  const verdict = decideAddresses(policyOf({}), questionOf('a.test:443'), [twoFaced]);
  assert.ok(verdict.outcome === 'allow');
  assert.equal(verdict.permit.addresses[0].text, '93.184.215.14');
});

test('an object in place of a number or a text, which could be another one each time, gets no Permit', () => {
  const question = questionOf('a.test:443');
  const { target } = question;
  const good = addressOf('93.184.215.14');
  const decided =
    (of: object, bytes: readonly number[] = good.bytes) =>
    () =>
      decideAddresses(policyOf({}), { ...question, target: { ...target, ...of } }, [{ ...good, bytes }]);
  assert.equal(decided({})().outcome, 'allow');
  for (let honest = 0; honest < 8; honest++) {
    assert.throws(decided({ port: twoFaced(443, 22, honest) }), TypeError);
    assert.throws(decided({ host: { kind: 'name', name: twoFaced('a.test', 'b.test', honest) } }), TypeError);
    assert.throws(decided({}, [twoFaced(93, 127, honest), 184, 215, 14]), TypeError);
  }
  for (const octet of ['127.0', 256, -1, 1.5]) assert.throws(decided({}, [octet as never, 0, 0, 2]), TypeError);
});

function withBlindLists<T>(work: () => T): T {
  const { find, some } = Array.prototype;
  try {
    for (const name of ['find', 'some']) Reflect.set(Array.prototype, name, () => undefined);
    return work();
  } finally {
    Object.assign(Array.prototype, { find, some });
  }
}

/** `good` for as many questions as it is `honest`, and `bad` from then on. */
function twoFaced(good: unknown, bad: unknown, honest: number): never {
  let asked = 0;
  const face = (): unknown => (asked++ < honest ? good : bad);
  return { valueOf: face, toString: () => String(face()) } as never;
}

function permitIn(made: unknown): unknown {
  return typeof made === 'object' && made !== null && 'permit' in made ? made.permit : made;
}

/** Listens on the same port of both addresses; `count` is of both. */
async function listen(t: { after(done: () => void): void }, first: string, second: string) {
  let count = 0;
  const counted = (socket: net.Socket): void => {
    count++;
    socket.on('error', () => socket.destroy()).end();
  };
  for (;;) {
    const servers = [net.createServer(counted).listen(0, first)];
    await Promise.all(servers.map((server) => once(server, 'listening')));
    const bound = servers[0]?.address();
    assert.ok(bound !== null && typeof bound === 'object');
    const other = net.createServer(counted).listen(bound.port, second);
    t.after(() => void [...servers, other].map((server) => server.close()));
    if (await once(other, 'listening').catch(() => null)) return { port: bound.port, count: () => count };
  }
}

/** A connection of our own comes after whatever else was opened before: it is the only one. */
async function nothingMore(port: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.2');
  await once(socket.resume(), 'close');
}
