/** What a client that owns the gateway can hold, spend or confuse. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { relayAttached } from '../../proxy/guard/attach.js';
import { Engine } from '../../proxy/guard/engine.js';
import { parseJson } from '../../proxy/guard/strict-json.js';
import { create, created, request, stand, statusOf, tool, until } from './stand.js';

const HEAD = 'POST /v1.45/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n';

test('a refused client that goes on sending is closed all the same', async (context) => {
  const it = await stand(context);
  const socket = it.open();
  const drip = setInterval(() => socket.write('x'), 100);
  context.after(() => clearInterval(drip));
  socket.resume();
  socket.write(request('GET /v1.45/info'));
  await new Promise((resolve) => socket.once('close', resolve));
});

test('a client that asks on and reads no answer is not asked for more than it reads', async (context) => {
  const it = await stand(context);
  const id = await created(it);
  it.engine.answers.set(`GET /containers/${id}/json`, { status: 200, body: 'x'.repeat(512 * 1024) });
  it.engine.calls.length = 0;
  const socket = it.open();
  socket.pause();
  socket.write(request(`GET /v1.45/containers/${id}/json`).repeat(50));
  await until(() => it.engine.calls.length > 0);
  await it.send(request('GET /v1.45/version'));
  await it.send(request('GET /v1.45/version'));
  const asked = it.engine.calls.filter(({ call }) => call.endsWith('/json')).length;
  assert.ok(asked <= 2, `${asked} answers of half a megabyte are kept`);
  socket.destroy();
});

test('many clients that announce large bodies get no more than a share, and others go on', async (context) => {
  const it = await stand(context);
  const slow = Array.from({ length: 12 }, () => it.open());
  const answers: string[] = [];
  for (const socket of slow) {
    socket.on('data', (chunk) => answers.push(String(chunk)));
    socket.write(`${HEAD}Content-Length: ${1024 * 1024}\r\n\r\n{`);
  }
  await until(() => answers.length >= 8);
  assert.deepEqual([...new Set(answers.map(statusOf))], [503]);
  for (const socket of slow) socket.destroy();
  await until(() => it.guard.custody.roster.size === 0);
  assert.equal(statusOf(await it.send(create(tool()))), 201);
});

test('a body of a megabyte does not become a hundred of them', () => {
  for (const unit of ['{}', '[]', '0', '""', '{"":{}}']) {
    const read = parseJson(Buffer.from(`[${Array.from({ length: 100_000 }, () => unit).join(',')}]`));
    assert.deepEqual([read.ok, read.ok ? '' : read.why], [false, 'the JSON has more than 10000 values']);
  }
});

test('a label of the image never says whose a container is', async (context) => {
  const it = await stand(context);
  await created(it, { HostConfig: { NetworkMode: 'none' } });
  const [call] = it.engine.calls;
  assert.deepEqual(JSON.parse(call?.body ?? '').Labels, {
    'io.mcp-egress-proxy.guard': 'tools',
    'io.mcp-egress-proxy.server': 'unknown-server',
    'io.mcp-egress-proxy.life': 'detached',
    'io.mcp-egress-proxy.address': '',
    'io.mcp-egress-proxy.client': '',
  });
});

test("more labels of the gateway's form than it has are refused", async (context) => {
  const it = await stand(context);
  const Labels = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`docker-mcp-${i}`, 'x']));
  assert.equal(statusOf(await it.send(create(tool({ Labels })))), 403);
  assert.deepEqual(it.engine.calls, []);
});

test('an image that the engine finds by its digest under another name is not run', async (context) => {
  const it = await stand(context);
  const digest = `sha256:${'a'.repeat(64)}`;
  const Image = `mcp/fetch@${digest}`;
  const asked = `GET /images/docker.io/mcp/fetch@${digest}/json`;
  const send = async (RepoDigests: unknown): Promise<number> => {
    it.engine.answers.set(asked, { status: 200, body: { RepoDigests } });
    return statusOf(await it.send(create(tool({ Image }))));
  };
  for (const other of [[], null, ['postgres'], [`ops-controller@${digest}`], [`mcp/fetch@sha256:${'b'.repeat(64)}`]])
    assert.equal(await send(other), 403);
  assert.equal(it.engine.containers.size, 0);
  assert.equal(await send([`mcp/fetch@${digest}`]), 201);
});

test('the last output of a tool reaches a client that reads late and sends on after the end', async (context) => {
  const it = await stand(context);
  const path = `${it.folder}/raw.sock`;
  const output = Buffer.alloc(330_000, 'x');
  const ends: Socket[] = [];
  const server = createServer((socket) => {
    ends.push(socket);
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      // Never reads again: what the client sends stays unread, as with a tool that has ended.
      socket.pause();
      socket.end(output);
      socket.once('finish', () => socket.destroy());
    });
  });
  server.listen(path);
  const pipe = createServer({ allowHalfOpen: true });
  pipe.listen(`${it.folder}/pipe.sock`);
  context.after(() => {
    server.close();
    pipe.close();
  });
  const reader = connect(`${it.folder}/pipe.sock`);
  const [client] = (await once(pipe, 'connection')) as [Socket];
  reader.pause();
  const hijacked = await new Engine(() => path).hijack('/x', new AbortController().signal);
  assert.ok('socket' in hijacked);
  const relayed = relayAttached({
    client,
    held: Buffer.alloc(0),
    engine: hijacked.socket,
    head: hijacked.head,
    onClientEnd() {},
  });
  await until(() => ends[0]?.destroyed === true);
  assert.ok(hijacked.socket.bytesRead < output.length, 'the rest is on its way still');
  reader.write('one');
  await until(() => hijacked.socket.bytesWritten > 0);
  reader.write('two');
  await until(() => hijacked.socket.bytesWritten > 3 || hijacked.socket.destroyed);
  let octets = 0;
  for await (const chunk of reader) octets += chunk.length;
  assert.equal(octets, output.length);
  await relayed;
});
