import assert from 'node:assert/strict';
import fs, { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { HostAddress } from '../../proxy/config/places.js';
import { parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { parseDnsName } from '../../proxy/core/target.js';
import { defaultNextHops, HostAddresses } from '../../proxy/net/host-addresses.js';

const ROUTE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t00FA1FAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
wg0\t00000000\t01000009\t0003\t0\t0\t0\t00000080\t0\t0\t0
`;
const ROUTE6 = `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fd000231024600000000000000000001 00000400 00000001 00000000 00000003     eth1
${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} ffffffff 00000001 00000000 00200200       lo
fd000231024600000000000000000000 40 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00000100 00000001 00000000 00000001     eth1
`;

function folderOf(context: TestContext, route = ROUTE): string {
  const folder = mkdtempSync(join(tmpdir(), 'routes-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'route'), route);
  writeFileSync(join(folder, 'ipv6_route'), ROUTE6);
  return folder;
}

function prefixEntry(text: string): HostAddress {
  const prefix = parsePrefix(text);
  assert.ok(prefix !== null);
  return { kind: 'prefix', prefix };
}

function nameEntry(text: string): HostAddress {
  const name = parseDnsName(text);
  assert.ok(name !== null);
  return { kind: 'name', name };
}

test('the next hops of the default routes are read, and no half of the Internet counts as one', (context) => {
  const hops = defaultNextHops(folderOf(context)).map(({ text }) => text);
  assert.deepEqual(hops, ['172.18.0.1', 'fd00:231:246::1']);
  assert.deepEqual(defaultNextHops('/nowhere'), []);
});

function watched(context: TestContext, entries: HostAddress[]) {
  const answers: Record<string, string[]> = { 'home.example': ['203.0.113.7', '2001:db8::7'] };
  const state = { entries, now: 0, unknown: [] as string[], asked: 0 };
  const folder = folderOf(context);
  const host = new HostAddresses({
    inForce: {
      get settings() {
        return { network: { hostAddresses: state.entries } };
      },
    },
    resolver: {
      async resolve(name) {
        state.asked += 1;
        const found = (answers[name] ?? []).flatMap((text) => parseAddress(text) ?? []);
        if (found.length === 0) throw new Error('no such name');
        return found;
      },
    },
    onUnknown: (name) => state.unknown.push(name),
    now: () => state.now,
    routes: folder,
  });
  return { host, state, answers, folder, texts: () => host.current().map(({ text }) => text) };
}

test('what is written, what a name has now, and the next hop are addresses of the host', async (context) => {
  const { host, texts } = watched(context, [
    prefixEntry('198.51.100.0/28'),
    nameEntry('home.example'),
    { kind: 'gateway' },
  ]);
  await host.refresh();
  const ofName = ['203.0.113.7/32', '2001:db8::7/128'];
  assert.deepEqual(texts(), ['198.51.100.0/28', ...ofName, '172.18.0.1/32', 'fd00:231:246::1/128']);
});

test('an address that changes is followed, and one that is not known any more is kept and reported', async (context) => {
  const { host, state, answers, folder, texts } = watched(context, [nameEntry('home.example'), { kind: 'gateway' }]);
  await host.refresh();
  assert.equal(texts()[0], '203.0.113.7/32');
  answers['home.example'] = ['203.0.113.99'];
  writeFileSync(join(folder, 'route'), ROUTE.replace('010012AC', '010013AC'));
  state.now += 60_000;
  texts();
  await setImmediate();
  assert.deepEqual(texts(), ['203.0.113.99/32', '172.19.0.1/32', 'fd00:231:246::1/128']);
  answers['home.example'] = [];
  state.now += 60_000;
  texts();
  await setImmediate();
  assert.deepEqual([texts()[0], state.unknown], ['203.0.113.99/32', ['home.example']]);
});

test('a reload asks for its names at once; requests between do not ask again', async (context) => {
  const { host, state, texts } = watched(context, []);
  await host.refresh();
  assert.deepEqual([texts(), state.asked], [[], 0]);
  state.entries = [nameEntry('home.example')];
  texts();
  await setImmediate();
  assert.equal(texts().length, 2);
  state.now += 59_999;
  texts();
  assert.equal(state.asked, 1);
});

test('a next hop that cannot be read without a free descriptor stays known', (context) => {
  const { texts } = watched(context, [{ kind: 'gateway' }]);
  const known = texts();
  const exhausted = context.mock.method(fs, 'readFileSync', () => {
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  });
  syncBuiltinESMExports();
  context.after(() => {
    exhausted.mock.restore();
    syncBuiltinESMExports();
  });
  assert.deepEqual(texts(), known);
  assert.ok(known.includes('172.18.0.1/32'));
});
