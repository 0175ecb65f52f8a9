import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { answered, ask, stand } from './forward-stand.js';

test('path and query reach the origin byte for byte, and the Host field is the target', async (t) => {
  const there = await stand(t, (request, response) => response.end(`${request.headers.host} ${request.url}`));
  const raw = "/a/../b//c;x=1?q='%41|\\^&r";
  const { content } = await answered(ask(there, { path: raw, headers: ['Connection', 'close'] }));
  assert.equal(content, `origin.test:${there.port} ${raw}`);
});

test('connection-specific fields, those that Connection names and credentials stay here; Via is added', async (t) => {
  const there = await stand(t, (request, response) => {
    response.setHeader('Connection', 'X-Hop');
    response.setHeader('X-Hop', '1');
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.end(JSON.stringify(request.rawHeaders));
  });
  const headers = ['Connection', 'X-Mine, close', 'X-Mine', '1', 'TE', 'trailers', 'Keep-Alive', '5', 'X-Kept', 'ä'];
  const response = await answered(ask(there, { path: '/', headers: [...headers, 'Proxy-Connection', 'close'] }));
  const seen = JSON.parse(response.content) as string[];
  const names = seen.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  assert.deepEqual(names.sort(), ['connection', 'host', 'via', 'x-kept']);
  assert.equal(seen[seen.indexOf('X-Kept') + 1], 'ä');
  assert.equal(response.headers.via, '1.1 mcp-egress-proxy');
  assert.equal('x-hop' in response.headers, false);
  assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2']);
});

test('103 passes before the response, and trailers after it', async (t) => {
  const there = await stand(t, (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('content');
    response.addTrailers({ 'X-Sum': '42' });
    response.end();
  });
  const request = ask(there, { path: '/' });
  const early = once(request, 'information');
  const response = await answered(request);
  assert.equal((await early)[0].statusCode, 103);
  assert.equal(response.content, 'content');
  assert.equal(response.trailers['x-sum'], '42');
});

test('an expectation is the origin its own to answer, and a refused target never says 100', async (t) => {
  let expected: string | undefined;
  const there = await stand(t, (_request, response) => response.end());
  there.origin.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
    expected = request.headers.expect;
    response.writeContinue();
    request.pipe(response);
  });
  const headers = { Expect: '100-continue', 'Content-Length': '5' };
  const request = ask(there, { path: '/', method: 'POST', headers });
  request.on('continue', () => request.end('hello'));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  assert.equal(await text(response), 'hello');
  assert.equal(expected, '100-continue');

  const refused = ask(there, { path: 'http://10.0.0.1/', method: 'POST', headers });
  refused.on('continue', () => assert.fail('100 for a refused target'));
  refused.flushHeaders();
  const [refusal] = (await once(refused, 'response')) as [http.IncomingMessage];
  assert.equal(refusal.statusCode, 403);
  refused.destroy();
});

test('trailers that a request announces reach the origin', async (t) => {
  const there = await stand(t, (request, response) => {
    request.resume().on('end', () => response.end(request.trailers['x-sum'] ?? 'none'));
  });
  const request = ask(there, {
    path: '/',
    method: 'POST',
    headers: { Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' },
  });
  request.write('content');
  request.addTrailers({ 'X-Sum': '42' });
  assert.equal((await answered(request)).content, '42');
});

test('HEAD, 204 and 304 have no content and keep their fields', async (t) => {
  const there = await stand(t, (request, response) => {
    response.writeHead(Number(request.url?.slice(1)), {
      ETag: '"e"',
      ...(request.method === 'HEAD' ? { 'Content-Length': 7 } : {}),
    });
    response.end();
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const head = await answered(ask(there, { path: '/200', method: 'HEAD', agent }));
  assert.equal(head.headers['content-length'], '7');
  for (const status of [204, 304, 200]) {
    const response = await answered(ask(there, { path: `/${status}`, agent }));
    assert.equal(response.statusCode, status);
    assert.equal(response.content, '');
    assert.equal(response.headers.etag, '"e"');
  }
});

test('an event stream arrives event by event, and its end upstream follows the client', async (t) => {
  const there = await stand(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    response.on('close', () => there.origin.emit('gone'));
    there.origin.once('next', () => response.write('data: 1\n\n'));
  });
  const request = ask(there, { path: '/' });
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  there.origin.emit('next');
  const [event] = await once(response, 'data');
  assert.equal(String(event), 'data: 1\n\n');
  const gone = once(there.origin, 'gone');
  request.destroy();
  await gone;
});

test('content that the origin breaks off is broken off for the client', async (t) => {
  const there = await stand(t, (_request, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('half', () => response.socket?.destroy());
  });
  const request = ask(there, { path: '/' });
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  await assert.rejects(text(response), /aborted/);
});

test('a slow reader holds the origin back', async (t) => {
  let sent = 0;
  const there = await stand(t, (_request, response) => {
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      while (sent < 200 * 1024 * 1024) {
        sent += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const socket = await there.proxy.connect();
  socket.pause();
  socket.write(`GET http://127.0.0.1:${there.port}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
  await there.proxy.decision(0);
  let before = -1;
  while (sent !== before) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were taken for a client that reads nothing`);
  socket.destroy();
});

test('a message that has been here before is a loop', async (t) => {
  const there = await stand(t, (_request, response) => response.end());
  const response = await answered(ask(there, { path: '/', headers: { Via: '1.0 a, 1.1 mcp-egress-proxy' } }));
  assert.equal(response.statusCode, 502);
  assert.match(String(response.headers['proxy-status']), /error=proxy_loop_detected; details="proxy-loop"/);
});

test('Max-Forwards counts down, and at zero the request goes no further', async (t) => {
  let seen: unknown;
  const there = await stand(t, (request, response) => {
    seen = request.headers['max-forwards'];
    response.end();
  });
  await answered(ask(there, { path: '/', method: 'OPTIONS', headers: { 'Max-Forwards': '3' } }));
  assert.equal(seen, '2');
  seen = undefined;
  const last = await answered(ask(there, { path: '/', method: 'TRACE', headers: { 'Max-Forwards': '0' } }));
  assert.equal(last.statusCode, 405);
  assert.equal(seen, undefined);
});

test('an Upgrade becomes a tunnel, with bytes sent early, and leaves a close record', async (t) => {
  const there = await stand(t, (_request, response) => response.end('no upgrade'));
  there.origin.on('upgrade', (_request, socket: net.Socket, head: Buffer) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.write(head);
    socket.pipe(socket);
  });
  const socket = await there.proxy.connect();
  const lines = [`GET http://origin.test:${there.port}/ HTTP/1.1`, 'Host: a', 'Connection: Upgrade', 'Upgrade: echo'];
  socket.end(`${lines.join('\r\n')}\r\n\r\nping`);
  const answer = await text(socket);
  assert.match(answer, /^HTTP\/1\.1 101 /);
  assert.ok(answer.endsWith('ping'));
  const record = await there.proxy.decision(0);
  assert.deepEqual([record.door, record.status], ['upgrade', 101]);
  assert.deepEqual((await there.proxy.closed(0)).bytesUp, 4);

  const ignored = ask(there, { path: '/', headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c' } });
  assert.equal((await answered(ignored)).content, 'no upgrade');
});
