import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { LOOPBACK_OPEN, startRawOrigin, untilEnd } from './raw-origin.js';
import { startProxy } from './start-proxy.js';

for (const expect of ['', 'Expect: 100-continue\r\n']) {
  test(`trailers announced beside a length are none, and no defect (${expect.trim()})`, async () => {
    const heads: string[] = [];
    const origin = await startRawOrigin((socket, text) => {
      heads.push(text);
      if (text.includes('Expect')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      if (text.endsWith('ok')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const proxy = await startProxy({ config: LOOPBACK_OPEN });
    const client = await proxy.connect();
    const received = untilEnd(client);
    client.write(
      `POST http://${origin.authority}/ HTTP/1.1\r\nHost: ${origin.authority}\r\nConnection: close\r\n` +
        `${expect}Trailer: x\r\nContent-Length: 2\r\n\r\nok`,
    );
    assert.match(await received, /HTTP\/1\.1 200 OK/);
    assert.match(heads.join(''), /ok$/);
    assert.deepEqual(proxy.defects, []);
    client.destroy();
    await proxy.stop();
    while (origin.open.size > 0) await setImmediate();
    await origin.close();
  });
}
