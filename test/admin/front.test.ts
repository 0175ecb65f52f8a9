import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { untilClosed } from '../net/until-closed.js';
import { openFront } from './front-server.js';

const LIMIT = { timeout: 240_000 };

const echo: RequestListener = (request, response) => response.end(`${request.method} ${request.url}`);

test('health is ok from the start, readiness only between start and drain, and neither needs a token', async (t) => {
  for (const [state, status, body] of [
    ['starting', 503, { status: 'starting' }],
    ['ready', 200, { status: 'ok' }],
    ['draining', 503, { status: 'draining' }],
  ] as const) {
    const { url } = await openFront(t, { state: () => state });
    assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { status: 'ok' });
    const ready = await fetch(`${url}/readyz?verbose`);
    assert.deepEqual([ready.status, await ready.json()], [status, body]);
    assert.equal((await fetch(`${url}/readyz`, { method: 'HEAD' })).status, status);
  }
});

test('the answer to a probe lets nothing foreign in, and is not kept', async (t) => {
  const { url } = await openFront(t);
  const { headers } = await fetch(`${url}/healthz`);
  assert.match(String(headers.get('content-security-policy')), /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
});

test('probes load nothing, and the rest is loaded once for all who ask at the same time', async (t) => {
  let loads = 0;
  const load = async () => {
    loads++;
    return echo;
  };
  const { url } = await openFront(t, { load });
  for (const path of ['/healthz', '/readyz']) await (await fetch(url + path)).text();
  assert.equal(loads, 0);
  const paths = ['/', '/v1/policy', '/readyz/', '/metrics'];
  const answers = paths.map(async (path) => (await fetch(url + path)).text());
  assert.deepEqual(
    await Promise.all(answers),
    paths.map((path) => `GET ${path}`),
  );
  assert.equal(await (await fetch(`${url}/healthz`, { method: 'POST' })).text(), 'POST /healthz');
  assert.equal(loads, 1);
});

test('a connection from the tools is closed and loads nothing', async (t) => {
  let loads = 0;
  const load = async () => {
    loads++;
    return echo;
  };
  const { url } = await openFront(t, { load, isFromTools: () => true });
  await assert.rejects(fetch(`${url}/v1/policy`));
  await assert.rejects(fetch(`${url}/healthz`));
  assert.equal(loads, 0);
});

test('what cannot be loaded is a defect, and is tried again for the next request', async (t) => {
  const defects: unknown[] = [];
  let loads = 0;
  const load = async () => {
    if (++loads === 1) throw new Error('no such file');
    return echo;
  };
  const { url } = await openFront(t, { load, onDefect: (error) => defects.push(error) });
  const failed = await fetch(`${url}/v1/policy`);
  assert.deepEqual(
    [failed.status, await failed.json()],
    [500, { error: 'internal-error', explanation: 'The proxy failed; its log says why.' }],
  );
  assert.match(String(defects), /no such file/);
  assert.equal(await (await fetch(`${url}/v1/policy`)).text(), 'GET /v1/policy');
});

test('with a token only the probes answer without it', async (t) => {
  const { url } = await openFront(t);
  for (const path of ['/healthz', '/readyz']) assert.equal((await fetch(url + path)).status, 200);
  for (const path of ['/', '/metrics', '/v1/policy', '/healthz/', '//healthz', '/readyz/..'])
    assert.equal((await fetch(url + path)).status, 401, path);
});

test('connections that send nothing are not kept open', async (t) => {
  const { server } = await openFront(t);
  assert.deepEqual([server.headersTimeout, server.requestTimeout, server.keepAliveTimeout], [10_000, 15_000, 5000]);
});

/** What comes back for `heads`, sent in one write, until the connection is closed. */
async function answersTo(port: number, heads: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  const parts: string[] = [];
  socket.on('data', (part) => parts.push(String(part)));
  socket.write(heads);
  await untilClosed(socket);
  return parts.join('');
}

test('what cannot be loaded is one defect, however many wait for it', LIMIT, async (t) => {
  const defects: unknown[] = [];
  const load = async () => {
    throw new Error('no such file');
  };
  const { port } = await openFront(t, { load, onDefect: (error) => defects.push(error) });
  const head = 'GET /v1/policy HTTP/1.1\r\nHost: localhost\r\n';
  const answers = await answersTo(port, `${head}\r\n${head}\r\n${head}Connection: close\r\n\r\n`);
  assert.equal(answers.match(/HTTP\/1\.1 500 /g)?.length, 3);
  assert.equal(defects.length, 1);
});

test('a connection that does not wait for its answers is cut, whatever it asks for', LIMIT, async (t) => {
  for (const path of ['/healthz', '/v1/policy']) {
    const taken: unknown[] = [];
    const load = async (): Promise<RequestListener> => (request, response) => {
      taken.push(request.url);
      response.end();
    };
    const { port, url } = await openFront(t, { load });
    const answers = await answersTo(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(1000));
    assert.ok(answers.split('HTTP/1.1 200').length <= 9 && taken.length <= 8, `${taken.length} taken, ${answers}`);
    assert.equal((await fetch(url + path)).status, 200);
  }
});
