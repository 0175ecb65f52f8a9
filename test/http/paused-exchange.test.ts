/** What an exchange leaves behind on a connection that goes back to the pool. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { parseAddress } from '../../proxy/core/address.js';
import { parseAuthority } from '../../proxy/core/target.js';
import type { ContentSink } from '../../proxy/http/client-side.js';
import { exchange } from '../../proxy/http/exchange.js';
import { UpstreamConnection } from '../../proxy/http/upstream-connection.js';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { startRawOrigin } from './raw-origin.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const LIMITS = { idleMs: 60_000, headMs: 60_000, answerMs: 60_000 };

test('a connection whose last client read slowly is read for the next one', async (t) => {
  const origin = await startRawOrigin((socket, text) => void (text.endsWith('\r\n\r\n') && socket.write(OK)));
  const upstream = net.connect(origin.port, '127.0.0.1');
  t.after(() => {
    upstream.destroy();
    return origin.close();
  });
  await once(upstream, 'connect');
  const target = parseAuthority(origin.authority);
  const address = parseAddress('127.0.0.1');
  assert.ok(target.ok && address !== null);
  const connection = new UpstreamConnection(upstream, {
    target: target.value,
    address,
    reads: new DirectReads(Buffer.alloc(64 * 1024)),
    deadlines: new Deadlines(),
  });
  let sink: ContentSink | null = null;
  let ended = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const writer = (isSlow: boolean) => ({
    interim: () => undefined,
    head: () => undefined,
    flush: () => !isSlow,
    write: () => !isSlow,
    end: () => ended(),
    events: null,
  });
  const content = {
    length: 5,
    flowTo(to: ContentSink) {
      sink = to;
    },
    resume: () => undefined,
    discard: () => undefined,
  };
  const request = { path: '/', fields: ['Host', 'a'], upgrade: null, expectsContinue: false };
  const of = { claim: () => ({ hold: () => undefined }), onFinal: () => undefined, onUpgraded: () => undefined };
  const first = exchange(
    connection,
    { ...of, request: { ...request, method: 'POST', content }, writer: writer(true) },
    LIMITS,
  );
  await answered;
  const to = sink as ContentSink | null;
  to?.data(Buffer.from('hello'));
  to?.end([]);
  const end = await first;
  assert.ok(end.kind === 'answered' && end.isReusable);
  connection.idle({ onIdleLost: () => undefined });
  const second = await exchange(
    connection,
    { ...of, request: { ...request, method: 'GET', content: null }, writer: writer(false) },
    LIMITS,
  );
  assert.equal(second.kind, 'answered');
  connection.close();
});
