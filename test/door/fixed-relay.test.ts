import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import net, { type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type App, createApp } from '../../proxy/app.js';
import { type Address, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { EgressError } from '../../proxy/core/reasons.js';
import { boundAddresses, sharesLink } from '../../proxy/door/relay-clients.js';
import type { CloseRecord, DecisionRecord } from '../../proxy/observe/record.js';
import { configOf } from '../config/fixture.js';
import { CLOSED_PORT } from '../net/closed-port.js';
import { promisedDialer } from '../net/promised-dialer.js';
import { openOrigin } from './stand.js';

const CONFIG = `version: 1
listen: { proxy: "127.0.0.1:0" }
policy: { default: public }
relay: [ { listen: "127.0.0.1:0", to: "gateway:8811" } ]
`;

interface RelayStand {
  readonly app: App;
  readonly decisions: DecisionRecord[];
  readonly closes: CloseRecord[];
  port(purpose: string): number;
  connect(): Promise<Socket>;
}

/** A relay to `gateway`, which is at a private address and is dialled as `origin`. */
async function openRelay(context: TestContext, origin: () => number): Promise<RelayStand> {
  const decisions: DecisionRecord[] = [];
  const closes: CloseRecord[] = [];
  const app = createApp({
    config: configOf(context, CONFIG),
    records: { sink: { decision: (record) => decisions.push(record), closed: (record) => closes.push(record) } },
    onDefect: (error) => {
      throw error;
    },
    resolver: {
      resolve: async (name) => [address(name === 'gateway' ? '172.31.250.70' : '93.184.215.14')],
      reverse: async () => null,
    },
    dialer: promisedDialer(async (permit) => {
      const socket = net.connect({ host: '127.0.0.1', port: origin(), allowHalfOpen: true });
      await once(socket, 'connect').catch(() => {
        throw new EgressError('connect-refused');
      });
      return { socket, address: permit.addresses[0] };
    }),
  });
  const bound = await app.start();
  const port = (purpose: string): number => bound.get(purpose)?.port ?? 0;
  return {
    app,
    port,
    decisions,
    closes,
    async connect() {
      const socket = net.connect({ host: '127.0.0.1', port: port('relay[0]') });
      context.after(() => socket.destroy());
      socket.on('error', () => socket.destroy());
      await once(socket, 'connect');
      return socket;
    },
  };
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

function link(text: string, prefix: string, device: string) {
  const parsed = parsePrefix(prefix);
  if (parsed === null) throw new Error(prefix);
  return { address: address(text), prefix: parsed, device };
}

test('an idle client of a relay does not hold the drain', { timeout: 240_000 }, async (context) => {
  const port = await openOrigin(context, (socket) => socket.write('event\n'));
  const relay = await openRelay(context, () => port);
  const client = await relay.connect();
  await once(client, 'data');
  await relay.app.stop();
  assert.deepEqual(
    relay.closes.map(({ cause }) => cause),
    ['drain'],
  );
});

test('a relay takes connections as long as a request elsewhere holds the drain', {
  timeout: 240_000,
}, async (context) => {
  const asked = new EventEmitter();
  // No request is ever answered.
  const echo = await openOrigin(context, (socket) => {
    socket.on('data', (bytes) => (bytes.includes('GET ') ? asked.emit('request') : socket.write(bytes)));
  });
  const relay = await openRelay(context, () => echo);
  const proxy = net.connect(relay.port('proxy'), '127.0.0.1');
  context.after(() => proxy.destroy());
  proxy.on('error', () => proxy.destroy());
  const request = once(asked, 'request');
  proxy.write('GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n');
  await request;
  const stopped = relay.app.stop();
  const client = await relay.connect();
  client.write('hello');
  assert.equal(String((await once(client, 'data'))[0]), 'hello');
  assert.deepEqual(
    relay.decisions.map(({ host, outcome }) => [host, outcome]),
    [['gateway', 'allow']],
  );
  proxy.resetAndDestroy();
  await stopped;
});

test('a target that refuses is a failed decision, and is seen by whoever looks', async (context) => {
  const relay = await openRelay(context, () => CLOSED_PORT);
  await once(await relay.connect(), 'close');
  assert.deepEqual(
    relay.decisions.map(({ outcome, reason, host }) => [outcome, reason, host]),
    [['fail', 'connect-refused', 'gateway']],
  );
  assert.deepEqual(relay.app.relays, [{ relay: 'relay[0]', to: 'gateway:8811', state: 'unknown', outside: [] }]);
  await relay.app.stop();
});

test('a pause of all ends what a relay carries and refuses what comes, and a rule for its target does neither', {
  timeout: 240_000,
}, async (context) => {
  const echo = await openOrigin(context, (socket) => socket.pipe(socket));
  const relay = await openRelay(context, () => echo);
  const client = await relay.connect();
  const says = async (text: string): Promise<string> => {
    client.write(text);
    return String((await once(client, 'data'))[0]);
  };
  assert.equal(await says('one'), 'one');
  const denying = CONFIG.replace('default: public', 'default: none, deny: [ { address: 172.16.0.0/12 } ]');
  assert.equal(await relay.app.reload(configOf(context, denying)), 0);
  assert.equal(await says('two'), 'two');
  const closed = once(client, 'close');
  const pauses = [{ client: null, mode: 'refuse' }] as const;
  assert.equal(await relay.app.decide({ grants: [], pauses }), 1);
  await closed;
  await once(await relay.connect(), 'close');
  assert.deepEqual([relay.closes[0]?.cause, relay.closes[0]?.reason], ['policy', 'paused']);
  assert.deepEqual([relay.decisions[1]?.outcome, relay.decisions[1]?.reason], ['deny', 'paused']);
  assert.equal(await relay.app.decide({ grants: [], pauses: [] }), 0);
  const again = await relay.connect();
  again.write('three');
  assert.equal(String((await once(again, 'data'))[0]), 'three');
  await relay.app.stop();
});

test('a relay ends where a reload makes its target an address of the host', { timeout: 240_000 }, async (context) => {
  const echo = await openOrigin(context, (socket) => socket.pipe(socket));
  const relay = await openRelay(context, () => echo);
  const client = await relay.connect();
  client.write('one');
  await once(client, 'data');
  const closed = once(client, 'close');
  const changed = `${CONFIG}network: { hostAddresses: [172.31.250.70] }\n`;
  assert.equal(await relay.app.reload(configOf(context, changed)), 1);
  await closed;
  assert.deepEqual([relay.closes[0]?.cause, relay.closes[0]?.reason], ['policy', 'own-listener']);
  await relay.app.stop();
});

test("clients on the tools' network are distinguished from all others", () => {
  const tools = link('172.31.250.250', '172.31.250.0/24', 'eth0');
  const front = link('172.18.0.3', '172.18.0.0/16', 'eth1');
  const loopback = link('127.0.0.1', '127.0.0.0/8', 'lo');
  const links = [tools, front, loopback, link('fe80::250', 'fe80::/64', 'eth0'), link('fe80::3', 'fe80::/64', 'eth1')];
  const doors = boundAddresses([
    { host: '172.31.250.250', port: 3128 },
    { host: '0.0.0.0', port: 80 },
    { host: '::', port: 80 },
    { host: 'localhost', port: 80 },
    null,
  ]);
  assert.deepEqual(
    doors.map(({ text }) => text),
    ['172.31.250.250'],
  );
  const inside = (peer: string, inner = doors): boolean => sharesLink(links, inner, [peer, '172.18.0.3']);
  assert.equal(inside('172.31.250.70'), true);
  assert.equal(inside('::ffff:172.31.250.70'), true);
  assert.equal(inside('172.18.0.9'), false);
  assert.equal(inside('172.31.251.70'), false);
  assert.equal(sharesLink(links, doors, ['203.0.113.9', '172.31.250.250']), true, 'by the address it came to');
  assert.equal(inside('172.31.250.70', [address('172.31.250.80')]), true, 'by the address of the target alone');
  assert.equal(inside('127.0.0.1', [address('127.0.0.1')]), false, 'loopback is no network of tools');
  assert.equal(sharesLink(links, doors, ['fe80::70%eth0', 'fe80::250%eth0']), true, 'by what IPv6 has of itself');
  assert.equal(sharesLink(links, doors, ['fe80::9', 'fe80::3']), false, 'the same on another network');
  assert.equal(sharesLink(links, doors, [undefined]), false);
});
