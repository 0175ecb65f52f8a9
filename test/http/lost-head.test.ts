import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ClientConnection } from '../../proxy/http/client-connection.js';
import type { ConnectionOptions } from '../../proxy/http/connection-options.js';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { OpenSet } from '../../proxy/net/open-set.js';
import { pair } from '../net/socket-pair.js';

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
    const connection = new ClientConnection(near, optionsWith(refused), COUNTED);
    far.write(said);
    while (near.bytesRead < said.length) await setImmediate();
    // Not by once(), which takes the reset for an error.
    const closed = new Promise((resolve) => near.once('close', resolve));
    if (by === 'client') far.resetAndDestroy();
    else connection.destroy();
    await closed;
    assert.deepEqual(refused, expected);
  });

const COUNTED = { isAdmitted: true, heard: () => undefined, waits: () => undefined };

function optionsWith(refused: string[]): ConnectionOptions {
  return {
    reads: new DirectReads(Buffer.alloc(65_536)),
    deadlines: new Deadlines(),
    open: new OpenSet(),
    limits: () => ({ headerBytes: 4096, headerFields: 9, headerTimeoutMs: 600_000, idleTimeoutMs: 600_000 }),
    mayPersist: () => true,
    claim: assert.fail,
    keepEarlyData: assert.fail,
    running: { enter: () => 0, leave: () => undefined },
    onDefect: () => assert.fail(),
    connect: () => assert.fail(),
    upgrade: () => assert.fail(),
    serve: () => assert.fail(),
    refuse: (reason) => refused.push(reason),
  };
}
