/** A client that sends more than is read of it while it is held: nobody would see it go, so it is not held any longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DECIDING } from '../decide/stand.js';
import { asking, http, once443, WAYS, type Way } from './asking-stand.js';

/** More than any door reads of a client that waits. */
const TOO_MUCH = Buffer.alloc(256 * 1024, 'x');

const upload = (line: string, host = 'site.test') =>
  `${line}\r\nHost: ${host}\r\nContent-Length: ${TOO_MUCH.length}\r\n\r\n`;

const MORE_WAYS: Readonly<Record<string, Way>> = {
  ...WAYS,
  POST: http('proxy', upload('POST http://site.test/ HTTP/1.1'), 80),
  'a steered POST': http('steer.http', upload('POST / HTTP/1.1'), 80),
  'a chunked POST': http(
    'proxy',
    `POST http://site.test/ HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n${TOO_MUCH.length.toString(16)}\r\n`,
    80,
  ),
  Upgrade: http(
    'proxy',
    'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    80,
  ),
};

for (const [door, { port, ask }] of Object.entries(MORE_WAYS)) {
  test(`${door}: a client that sends too much while it is held is refused, and takes no grant with it`, async (t) => {
    const stand = await asking(t, '{ hold: 30s }');
    const { client, outcome } = await ask(stand);
    await stand.waiting('site.test', 1);
    client.write(TOO_MUCH);
    assert.equal(await outcome, 'refused');
    const { reason, host } = await stand.decision();
    assert.deepEqual([reason, host], ['not-yet-allowed', 'site.test']);
    const [question] = stand.control.questions.list();
    assert.deepEqual([question?.host, question?.waiting], ['site.test', 0], 'the question stays, and nobody waits');
    client.resetAndDestroy();
    stand.control.book.grant(once443(port), DECIDING);
    const next = WAYS[door] ?? (port === 80 ? WAYS.GET : WAYS.CONNECT) ?? assert.fail();
    assert.equal(await (await next.ask(stand)).outcome, 'through');
    assert.equal(stand.dials.length, 1);
  });

  test(`${door}: what was too much before it was asked is not held at all`, async (t) => {
    const stand = await asking(t, '{ hold: 30s }');
    const { outcome } = await ask({
      ...stand,
      async connect(name) {
        const client = await stand.connect(name);
        const write = client.write.bind(client);
        // With the last bytes that ask for something; a SOCKS greeting is shorter.
        client.write = (bytes: string | Uint8Array) =>
          write(bytes.length > 3 ? Buffer.concat([Buffer.from(bytes), TOO_MUCH]) : bytes);
        return client;
      },
    });
    assert.equal(await outcome, 'refused');
    assert.equal((await stand.decision()).reason, 'not-yet-allowed');
  });
}
