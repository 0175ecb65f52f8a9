import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOPBACK_OPEN, startRawOrigin, untilText } from './raw-origin.js';
import { startProxy } from './start-proxy.js';

const DRAIN = { ...LOOPBACK_OPEN, limits: { drainTimeout: '200ms' } };

function upgradeTo(authority: string): string {
  return `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
}

test('an Upgrade that its origin never answers does not outlive drainTimeout', async () => {
  const origin = await startRawOrigin(() => undefined);
  const proxy = await startProxy({ config: DRAIN });
  const client = await proxy.connect();
  client.on('error', () => undefined);
  client.write(upgradeTo(origin.authority));
  await origin.asked();
  await proxy.stop();
  assert.equal(proxy.decisions[0]?.reason, 'client-closed');
  client.destroy();
  await origin.close();
});

test('a response to an Upgrade that its client does not read does not outlive drainTimeout', async () => {
  const origin = await startRawOrigin((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n${'x'.repeat(50_000_000)}`);
  });
  const proxy = await startProxy({ config: DRAIN });
  const client = await proxy.connect();
  client.on('error', () => undefined).pause();
  client.write(upgradeTo(origin.authority));
  await proxy.decision(0);
  await proxy.stop();
  client.destroy();
  await origin.close();
});

test('a client that stays connected after its refused Upgrade does not keep the proxy from its end', async () => {
  const proxy = await startProxy({ config: DRAIN });
  const client = await proxy.connect();
  client.on('error', () => undefined);
  client.write(upgradeTo('10.0.0.1'));
  await untilText(client, 'address-prohibited');
  await proxy.stop();
  client.destroy();
});

test('requests that follow one that is cut are not read, and reach no origin', async () => {
  const origin = await startRawOrigin(() => undefined);
  const proxy = await startProxy({ config: DRAIN });
  const client = await proxy.connect();
  client.on('error', () => undefined);
  client.write(`GET http://${origin.authority}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`.repeat(4));
  await origin.asked();
  await proxy.stop();
  assert.equal(origin.heard, 1);
  assert.deepEqual(
    proxy.decisions.map(({ reason }) => reason),
    ['client-closed'],
  );
  client.destroy();
  await origin.close();
});
