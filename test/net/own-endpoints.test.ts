/** When the proxy looks again at what belongs to it on the network. */
import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { type TestContext, test } from 'node:test';
import type { Network } from '../../proxy/config/config.js';
import { type Address, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { createOwnEndpoints } from '../../proxy/net/interfaces.js';

type Settings = { network: Pick<Network, 'services' | 'apiServer'> };

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== null);
  return parsed;
}

function ownEndpoints() {
  const clock = { ms: 0 };
  const host = { answers: 0, texts: ['203.0.113.7/32'], read: 0, current: () => prefixes() };
  const prefixes = () => {
    host.read += 1;
    return host.texts.flatMap((text) => parsePrefix(text) ?? []);
  };
  const inForce: { settings: Settings } = { settings: { network: { services: [], apiServer: null } } };
  return { clock, host, inForce, own: createOwnEndpoints({ host, inForce }, () => clock.ms) };
}

test('what is the own of the proxy is read once for all requests of two seconds', () => {
  const { clock, host, own } = ownEndpoints();
  const first = own.current();
  clock.ms = 1999;
  assert.equal(own.current(), first);
  assert.equal(host.read, 1);
  clock.ms = 2000;
  host.texts = ['203.0.113.8/32'];
  assert.deepEqual(
    own.current().host?.map(({ text }) => text),
    ['203.0.113.8/32'],
  );
});

test('an address that a name of the host has got counts from the next request on', () => {
  const { host, own } = ownEndpoints();
  own.current();
  host.texts = ['203.0.113.99/32'];
  host.answers += 1;
  assert.deepEqual(
    own.current().host?.map(({ text }) => text),
    ['203.0.113.99/32'],
  );
});

test('so does what a reload says leads to the proxy', () => {
  const { inForce, own } = ownEndpoints();
  own.current();
  const [service, apiServer] = [address('10.96.0.10'), address('10.96.0.1')];
  inForce.settings = { network: { services: [service], apiServer } };
  assert.ok(own.current().addresses.includes(service));
  assert.equal(own.current().apiServer, apiServer);
});

test('a port that is opened later is one of those already handed out', () => {
  const { own } = ownEndpoints();
  const { ports } = own.current();
  own.addPort(8080);
  assert.ok(ports.has(8080));
});

/** As without a free descriptor, which it takes to ask. */
function hideInterfaces(context: TestContext): void {
  const hidden = context.mock.method(os, 'networkInterfaces', () => {
    throw new Error('EMFILE');
  });
  syncBuiltinESMExports();
  context.after(() => {
    hidden.mock.restore();
    syncBuiltinESMExports();
  });
}

test('interfaces that the system cannot list now stay known, and a reload counts nevertheless', (context) => {
  const { clock, inForce, own } = ownEndpoints();
  const known = own.current().addresses;
  hideInterfaces(context);
  clock.ms = 2000;
  assert.deepEqual(own.current().addresses, known);
  const service = address('10.96.0.10');
  inForce.settings = { network: { services: [service], apiServer: null } };
  assert.deepEqual(own.current().addresses, [...known, service]);
});

test('nothing is decided before the interfaces are known', (context) => {
  const { own } = ownEndpoints();
  hideInterfaces(context);
  assert.throws(() => own.current(), /EMFILE/);
  assert.throws(() => own.current(), /EMFILE/);
});
