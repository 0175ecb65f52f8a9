import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Address, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { EgressError } from '../../proxy/core/reasons.js';
import { createRelayWatch, type RelayHealth } from '../../proxy/door/relay-watch.js';
import type { Abortable } from '../../proxy/net/abort.js';
import { relayEvents, relayReadiness } from '../../proxy/observe/relay-events.js';
import { configOf } from '../config/fixture.js';
import { promisedDialer } from '../net/promised-dialer.js';

const CONFIG = `version: 1
relay: [ { listen: "0.0.0.0:8811", to: "tools-gateway:8811", outside: "gateway:8811" } ]
`;
const OWN = ['172.31.250.250', '172.18.0.3'];
const LINKS = [
  ['172.31.250.250', '172.31.250.0/24', 'eth0'],
  ['172.18.0.3', '172.18.0.0/16', 'eth1'],
].flatMap(([text = '', prefix = '', device = '']) => {
  const address = parseAddress(text);
  const parsed = parsePrefix(prefix);
  return address === null || parsed === null ? [] : [{ address, prefix: parsed, device }];
});

/** The names that exist, and what accepts connections; both may be changed between two looks. */
interface World {
  readonly names: Record<string, readonly string[]>;
  readonly listening: Set<string>;
  readonly dialled: string[];
  /** A name for which DNS gives up as late as it may. */
  silent?: string;
}

function openWatch(context: TestContext, world: World) {
  const changes: RelayHealth[] = [];
  const watch = createRelayWatch({
    gate: {
      resolver: {
        async resolve(name, signal) {
          if (name === world.silent) return new Promise((_resolve, reject) => failOnAbort(signal, reject));
          const found = addresses(world.names[name] ?? []);
          if (found.length === 0) throw new EgressError('name-not-found');
          return found;
        },
        reverse: async () => null,
      },
      dialer: promisedDialer(async (permit) => {
        const { text } = permit.addresses[0];
        world.dialled.push(text);
        if (!world.listening.has(text)) throw new EgressError('connect-refused');
        return { socket: new Socket(), address: permit.addresses[0] };
      }),
      own: () => ({ addresses: addresses(OWN), ports: new Set([8811]) }),
    },
    links: () => LINKS,
    doors: addresses(['172.31.250.250']),
    relays: configOf(context, CONFIG).relay,
    onChange: (health) => changes.push(health),
    timeoutMs: 20,
  });
  return { watch, changes };
}

function failOnAbort(signal: Abortable, reject: (error: EgressError) => void): void {
  signal.addEventListener('abort', () => reject(new EgressError('client-closed')));
}

function addresses(texts: readonly string[]): Address[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

const inForce = (): World => ({
  names: { 'tools-gateway': ['172.31.250.70'], gateway: [...OWN, '172.31.250.70'] },
  listening: new Set([...OWN, '172.31.250.70']),
  dialled: [],
});

test('a gateway behind the relay is up, and the own addresses under its old name are no gateway outside', async (t) => {
  const world = inForce();
  const { watch, changes } = openWatch(t, world);
  await watch.look();
  await watch.look();
  assert.deepEqual(changes, [{ relay: 'relay[0]', to: 'tools-gateway:8811', state: 'up', outside: [] }]);
  assert.deepEqual(new Set(world.dialled), new Set(['172.31.250.70']));
});

test('a gateway that was started without the override is found where it answers, once for each change', async (t) => {
  const world = inForce();
  const { watch, changes } = openWatch(t, world);
  world.names['tools-gateway'] = [];
  world.names.gateway = [...OWN, '172.18.0.9'];
  world.listening.add('172.18.0.9');
  await watch.look();
  await watch.look();
  assert.deepEqual(
    changes.map(({ state, outside }) => [state, outside]),
    [['name-not-found', ['172.18.0.9']]],
  );
  world.names['tools-gateway'] = ['172.31.250.70'];
  world.names.gateway = [...OWN, '172.31.250.70'];
  await watch.look();
  assert.deepEqual([changes.at(-1)?.state, changes.at(-1)?.outside], ['up', []]);
});

test('a name inside that DNS never answers does not hide a gateway outside', async (t) => {
  const world = inForce();
  const { watch } = openWatch(t, world);
  world.silent = 'tools-gateway';
  world.names.gateway = [...OWN, '172.18.0.9'];
  world.listening.add('172.18.0.9');
  await watch.look();
  assert.deepEqual(watch.health[0]?.outside, ['172.18.0.9']);
});

test('a target that refuses and one that is not there are distinguished', async (t) => {
  const world = inForce();
  const { watch } = openWatch(t, world);
  world.listening.delete('172.31.250.70');
  await watch.look();
  assert.equal(watch.health[0]?.state, 'connect-refused');
  world.names['tools-gateway'] = [];
  await watch.look();
  assert.equal(watch.health[0]?.state, 'name-not-found');
});

test('nothing but the target and its old name at private addresses is ever dialled', async (t) => {
  const world = inForce();
  const { watch } = openWatch(t, world);
  world.names['tools-gateway'] = ['93.184.215.14'];
  world.names.gateway = ['169.254.169.254', '127.0.0.1', '93.184.215.14'];
  await watch.look();
  assert.deepEqual(world.dialled, []);
  assert.equal(watch.health[0]?.outside.length, 0);
});

test('each change is one event, and the one that matters is an error', () => {
  const lines: string[] = [];
  const log = (level: string) => (fields: object) => {
    lines.push(`${level} ${Reflect.get(fields, 'event')} ${Reflect.get(fields, 'reason') ?? ''}`.trim());
  };
  const tell = relayEvents({ info: log('info'), warn: log('warn'), error: log('error') } as never);
  const look = { relay: 'relay[0]', to: 'gateway:8811', state: 'up', outside: [] };
  tell(look);
  tell({ ...look, state: 'connect-refused' });
  tell({ ...look, state: 'connect-refused', outside: ['172.18.0.9'] });
  tell(look);
  assert.deepEqual(lines, [
    'info relay-up',
    'warn relay-down connect-refused',
    'error gateway-outside',
    'info relay-up',
    'info gateway-inside',
  ]);
});

test('readyz says what a relay leads to, and no name or address', () => {
  const look = { relay: 'relay[0]', to: 'gateway:8811', state: 'up', outside: [] };
  assert.deepEqual(relayReadiness([]), { status: 'ok' });
  assert.deepEqual(relayReadiness([look]), { status: 'ok', relays: [{ relay: 'relay[0]', state: 'up' }] });
  assert.deepEqual(relayReadiness([{ ...look, state: 'connect-refused' }]), {
    status: 'degraded',
    relays: [{ relay: 'relay[0]', state: 'connect-refused' }],
  });
  assert.deepEqual(relayReadiness([{ ...look, outside: ['172.18.0.9'] }]), {
    status: 'degraded',
    relays: [{ relay: 'relay[0]', state: 'up', outside: true }],
  });
});
