/** What is dialled is what was issued, whatever happened to the built-ins of the process in between. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { decideAddresses, type Permit } from '../../proxy/core/policy.js';
import { createDialer, dialed } from '../../proxy/net/dialer.js';
import { addressOf, policyOf, questionOf } from '../core/policy-question.js';
import { socketFolder } from './socket-folder.js';

const never = new AbortController().signal;
const dialer = createDialer({
  inForce: { settings: { limits: { connectTimeoutMs: 60_000 } } },
  prefersIPv6: () => false,
});
const VETTED = ['127.0.0.1', '127.0.0.4'];
const VICTIM = addressOf('127.0.0.2');

function permitFor(port: number, texts: readonly string[]): Permit {
  const policy = policyOf({ default: 'none', internal: [{ address: '127.0.0.0/8', ports: [port] }] });
  const verdict = decideAddresses(policy, questionOf(`a.test:${port}`), texts.map(addressOf));
  assert.ok(verdict.outcome === 'allow');
  return verdict.permit;
}

/** What another part of the process may have put in the place of a list's method: every list has one address more. */
const REPLACED = ['filter', 'slice', 'push', 'toSorted', 'map', 'concat'] as const;

for (const method of REPLACED) {
  test(`Array.prototype.${method} of somebody else brings no other address to the dialer`, async (t) => {
    const { port, heard } = await listen(t);
    const permit = permitFor(port, VETTED);
    const original: Method = Reflect.get(Array.prototype, String(method));
    const dialing = withProperty(Array.prototype, method, replacement(original), () => dialed(dialer, permit, never));
    const address = await dialing.then(closed, () => null);
    assert.ok(address === null || VETTED.includes(address), String(address));
    await nothingMore(port);
    assert.deepEqual(heard(), [VICTIM.text]);
  });
}

type Method = (...args: unknown[]) => unknown;

function replacement(original: Method): Method {
  return function (this: unknown[], ...args: unknown[]): unknown {
    const isOfAddresses = [this[0], args[0]].some((one) => typeof one === 'object' && one !== null && 'bytes' in one);
    const result = Reflect.apply(original, this, args);
    if (!isOfAddresses && this.length > 0) return result;
    if (Array.isArray(result)) result[0] = VICTIM;
    else this[0] = VICTIM;
    return result;
  };
}

for (const [key, value] of [
  ['path', (socket: string) => socket],
  ['fd', () => 0],
  ['localAddress', () => '127.0.0.3'],
  ['localPort', () => 1],
] as const) {
  test(`a value of Object.prototype.${key} leads the dialer nowhere else`, { timeout: 240_000 }, async (t) => {
    const { port, socketPath, heardByPath } = await listen(t);
    const permit = permitFor(port, ['127.0.0.1']);
    const dialing = withProperty(Object.prototype, key, value(socketPath), () => dialed(dialer, permit, never));
    const { socket, address } = await dialing;
    assert.equal(address.text, '127.0.0.1');
    assert.deepEqual([socket.remoteAddress, socket.remotePort, socket.localAddress], ['127.0.0.1', port, '127.0.0.1']);
    assert.equal(heardByPath(), 0);
    socket.destroy();
  });
}

/** Only while `run` runs: nothing else of this process is to meet it. */
function withProperty<T>(on: object, key: string, value: unknown, run: () => T): T {
  const before = Object.getOwnPropertyDescriptor(on, key);
  Object.defineProperty(on, key, { value, configurable: true, writable: true });
  try {
    return run();
  } finally {
    if (before === undefined) Reflect.deleteProperty(on, key);
    else Object.defineProperty(on, key, before);
  }
}

function closed({ socket, address }: { socket: net.Socket; address: { text: string } }): string {
  socket.destroy();
  return address.text;
}

/** Listens where the victim is, at a port of what is vetted, and at a path. */
async function listen(t: TestContext) {
  const heard: string[] = [];
  let byPath = 0;
  const victim = net.createServer((socket) => {
    heard.push(VICTIM.text);
    socket.on('error', () => socket.destroy()).end();
  });
  const vetted = net.createServer((socket) => socket.on('error', () => socket.destroy()));
  await once(vetted.listen(0, '127.0.0.1'), 'listening');
  const bound = vetted.address();
  assert.ok(bound !== null && typeof bound === 'object');
  // In this order: what others open is at 127.0.0.1, whose ports may be taken.
  await once(victim.listen(bound.port, VICTIM.text), 'listening');
  const folder = socketFolder('permit-');
  const socketPath = join(folder, 'socket');
  const atPath = net.createServer((socket) => {
    byPath += 1;
    socket.destroy();
  });
  await once(atPath.listen(socketPath), 'listening');
  t.after(() => {
    for (const server of [victim, vetted, atPath]) server.close();
    rmSync(folder, { recursive: true });
  });
  return { port: bound.port, socketPath, heard: () => heard, heardByPath: () => byPath };
}

/** A connection of our own comes after whatever else was opened before. */
async function nothingMore(port: number): Promise<void> {
  const socket = net.connect(port, VICTIM.text);
  await once(socket.resume(), 'close');
}
