import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ClientConnection } from '../../proxy/http/client-connection.js';
import { pair } from '../net/socket-pair.js';
import { COUNTED, connectionOptions } from './connection-options.js';

const CASES: readonly (readonly [what: string, said: string, by: 'client' | 'proxy', refused: readonly string[]])[] = [
  ['a client that is reset within its head has a record', 'CONNECT a.test:443 HT', 'client', ['client-closed']],
  ['one that has sent only an empty line has none', '\r\n', 'client', []],
  ['one that has said nothing has none', '', 'client', []],
  ['one that the proxy closes within its head has none', 'GET http://a.test/ HTTP/1.1\r\nHos', 'proxy', []],
];

for (const [what, said, by, expected] of CASES)
  test(what, async (t) => {
    const { near, far } = await pair();
    t.after(() => far.destroy());
    far.on('error', () => far.destroy());
    const refused: string[] = [];
    new ClientConnection(near, connectionOptions({ refuse: (reason) => refused.push(reason) }), COUNTED);
    far.write(said);
    while (near.bytesRead < said.length) await setImmediate();
    // Not by once(), which takes the reset for an error.
    const closed = new Promise((resolve) => near.once('close', resolve));
    if (by === 'client') far.resetAndDestroy();
    else near.destroy();
    await closed;
    assert.deepEqual(refused, expected);
  });
