import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { closedPolicy } from '../../proxy/config/compile.js';
import { parseAddress } from '../../proxy/core/address.js';
import { decideAddresses, type Permit } from '../../proxy/core/policy.js';
import { EgressError } from '../../proxy/core/reasons.js';
import { parseAuthority } from '../../proxy/core/target.js';
import { createDialer, dialed } from '../../proxy/net/dialer.js';
import { CLOSED_PORT } from './closed-port.js';

const never = new AbortController().signal;
const dialer = createDialer({
  inForce: { settings: { limits: { connectTimeoutMs: 60_000 } } },
  prefersIPv6: () => false,
});

/** A Permit as the policy makes it: loopback addresses opened by an exception. */
function permit(port: number, ...texts: string[]): Permit {
  const target = parseAuthority(`origin.test:${port}`);
  assert.ok(target.ok);
  const ports = [{ from: port, to: port }];
  const rule = { id: 'internal[0]' as const, host: null, address: null, ports, clients: null };
  const internal = ['127.0.0.0/8', '::1/128'].map((text) => ({ ...rule, address: prefix(text) }));
  const policy = closedPolicy({ internal });
  const question = { target: target.value, client: { name: null }, own: { addresses: [], ports: new Set<number>() } };
  const verdict = decideAddresses(
    policy,
    question,
    texts.flatMap((text) => parseAddress(text) ?? []),
  );
  assert.ok(verdict.outcome === 'allow');
  return verdict.permit;
}

function prefix(text: string) {
  const [base = '', bits = '0'] = text.split('/');
  const address = parseAddress(base);
  assert.ok(address);
  return { address, bits: Number(bits), text };
}

async function listening(host: string): Promise<{ server: net.Server; port: number }> {
  const server = net.createServer((socket) => socket.on('error', () => socket.destroy()));
  server.listen(0, host);
  await once(server, 'listening');
  const bound = server.address();
  assert.ok(bound !== null && typeof bound === 'object');
  return { server, port: bound.port };
}

test('the connection is to the vetted address, and says which', async () => {
  const { server, port } = await listening('127.0.0.1');
  const { socket, address } = await dialed(dialer, permit(port, '127.0.0.1'), never);
  assert.equal(address.text, '127.0.0.1');
  assert.equal(socket.remoteAddress, '127.0.0.1');
  assert.equal(socket.listenerCount('error'), 0);
  socket.destroy();
  server.close();
});

test('an address that refuses gives way to the next one', async () => {
  const { server, port } = await listening('127.0.0.3');
  const { socket, address } = await dialed(dialer, permit(port, '127.0.0.2', '127.0.0.3'), never);
  assert.equal(address.text, '127.0.0.3');
  socket.destroy();
  server.close();
});

test('when every address refuses, the reason is connect-refused', async () => {
  await assert.rejects(dialed(dialer, permit(CLOSED_PORT, '127.0.0.1', '127.0.0.2'), never), (error) => {
    return error instanceof EgressError && error.reason === 'connect-refused';
  });
});

test('an attempt that is given up leaves no connection behind', async () => {
  const { server, port } = await listening('127.0.0.1');
  const closed = new Promise<void>((resolve) => {
    server.on('connection', (socket) => socket.on('close', () => resolve()));
    setImmediate(() => resolve());
  });
  const abort = new AbortController();
  const dialing = dialed(dialer, permit(port, '127.0.0.1'), abort.signal);
  abort.abort();
  await assert.rejects(dialing, (error) => error instanceof EgressError && error.reason === 'client-closed');
  await closed;
  server.close();
  await once(server, 'close');
});

test('a signal that is aborted already means no attempt', async () => {
  const { server, port } = await listening('127.0.0.1');
  let connections = 0;
  server.on('connection', () => connections++);
  await assert.rejects(dialed(dialer, permit(port, '127.0.0.1'), AbortSignal.abort()));
  server.close();
  await once(server, 'close');
  assert.equal(connections, 0);
});
