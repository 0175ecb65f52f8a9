import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { LOOPBACK_OPEN, startRawOrigin, untilText } from './raw-origin.js';
import { startProxy } from './start-proxy.js';

test('a request that was answered before its content came leaves one record when its client ends', async () => {
  const origin = await startRawOrigin((socket) => socket.write('HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno'));
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  client.on('error', () => undefined);
  client.write(
    `POST http://${origin.authority}/ HTTP/1.1\r\nHost: ${origin.authority}\r\nContent-Length: 100\r\n\r\nabc`,
  );
  await untilText(client, '\r\n\r\nno');
  const closed = once(client, 'close');
  client.end();
  await closed;
  await proxy.stop();
  assert.deepEqual(
    proxy.decisions.map(({ status }) => status),
    [401],
  );
  await origin.close();
});

test('a POST on a connection that its origin is closing is sent again or reported as a reset, and is no defect', async () => {
  const origin = await startRawOrigin((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  for (let i = 0; i < 30; i++) {
    const answered = untilText(client, '}\n').catch(() => '');
    const fine = untilText(client, '\r\n\r\nok');
    client.write(
      `POST http://${origin.authority}/ HTTP/1.1\r\nHost: ${origin.authority}\r\nContent-Length: 3\r\n\r\nabc`,
    );
    await Promise.race([answered, fine]);
  }
  assert.deepEqual(proxy.defects, []);
  assert.deepEqual(
    proxy.decisions.filter(({ reason }) => reason !== null && reason !== 'upstream-reset'),
    [],
  );
  client.destroy();
  await proxy.stop();
  await origin.close();
});
