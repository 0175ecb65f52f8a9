/** What is read again after a while, although somebody sets the wall clock back in between. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { parseAddress } from '../../proxy/core/address.js';
import { parseDnsName } from '../../proxy/core/target.js';
import { HostAddresses } from '../../proxy/net/host-addresses.js';
import { openHostsFile } from '../../proxy/net/hosts-file.js';
import { createOwnEndpoints } from '../../proxy/net/interfaces.js';
import { windowsSettings } from '../../proxy/net/resolv-conf.js';

const HOUR = 3_600_000;

function setClock() {
  const clock = { ms: Date.parse('2026-01-01T12:00:00Z') };
  return { now: () => clock.ms, setBack: () => (clock.ms -= HOUR) };
}

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'set-clock-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('the addresses of the interfaces are read again at once', () => {
  const { now, setBack } = setClock();
  const inForce = { settings: { network: { services: [], apiServer: null } } };
  const own = createOwnEndpoints({ host: { current: () => [], answers: 0 }, inForce }, now);
  const before = own.links();
  assert.equal(own.links(), before);
  setBack();
  const after = own.links();
  assert.notEqual(after, before);
  assert.equal(own.links(), after);
});

test('so is what the host is called from outside: an address that it has had since then is never a destination', async (context) => {
  const { now, setBack } = setClock();
  const folder = folderOf(context);
  const name = parseDnsName('home.example');
  assert.ok(name !== null);
  const entries = [{ kind: 'name', name }, { kind: 'gateway' }] as const;
  const inForce = { settings: { network: { hostAddresses: entries } } };
  let address = '203.0.113.7';
  const resolver = { resolve: async () => [parseAddress(address)].flatMap((one) => one ?? []) };
  const onUnknown = () => assert.fail('the name is known');
  const host = new HostAddresses({ inForce, resolver, onUnknown, now, routes: folder });
  const texts = () => host.current().map(({ text }) => text);
  await host.refresh();
  assert.deepEqual(texts(), ['203.0.113.7/32']);
  address = '203.0.113.99';
  writeFileSync(join(folder, 'route'), 'eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\n');
  setBack();
  assert.deepEqual(texts(), ['203.0.113.7/32', '172.18.0.1/32']);
  await setImmediate();
  assert.deepEqual(texts(), ['203.0.113.99/32', '172.18.0.1/32']);
});

test('so is the file of hosts', (context) => {
  const { now, setBack } = setClock();
  const path = join(folderOf(context), 'hosts');
  const name = parseDnsName('printer');
  assert.ok(name !== null);
  const hosts = openHostsFile(path, now);
  assert.equal(hosts.current().has(name), false);
  writeFileSync(path, '192.168.1.7 printer\n');
  setBack();
  assert.deepEqual(
    hosts
      .current()
      .get(name)
      ?.map(({ text }) => text),
    ['192.168.1.7'],
  );
});

test('so are the DNS servers of Windows', () => {
  const { now, setBack } = setClock();
  let asked = 0;
  const settings = windowsSettings(() => {
    asked += 1;
    return ['192.0.2.1'];
  }, now);
  settings();
  settings();
  assert.equal(asked, 1);
  setBack();
  settings();
  settings();
  assert.equal(asked, 2);
});
