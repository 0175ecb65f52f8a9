import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { create, created, request, type Stand, stand, statusOf, tool, until } from './stand.js';

const onTools = { HostConfig: { NetworkMode: 'tools' } };

function sentBody({ engine }: Stand): Record<string, Record<string, unknown>> {
  const call = engine.calls.findLast((one) => one.call.includes('/containers/create'));
  return JSON.parse(call?.body ?? '{}');
}

function leasesOf({ leases }: Stand): { address: string; server: string; container: string }[] {
  const path = join(leases, 'leases.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).leases : [];
}

/** The whole of what the engine is asked for, below. */
const CREATED = {
  User: '',
  AttachStdin: true,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: true,
  StdinOnce: true,
  Cmd: ['true'],
  StopTimeout: 10,
  Env: [
    'A=2',
    'HTTP_PROXY=http://egress-proxy:3128',
    'http_proxy=http://egress-proxy:3128',
    'HTTPS_PROXY=http://egress-proxy:3128',
    'https_proxy=http://egress-proxy:3128',
    'NO_PROXY=localhost,127.0.0.1,::1',
    'no_proxy=localhost,127.0.0.1,::1',
    'NODE_USE_ENV_PROXY=1',
  ],
  Image: 'docker.io/mcp/github-mcp-server:latest',
  Labels: {
    'docker-mcp-name': 'github',
    'io.mcp-egress-proxy.guard': 'tools',
    'io.mcp-egress-proxy.server': 'github',
    'io.mcp-egress-proxy.life': 'attached',
    'io.mcp-egress-proxy.address': '172.31.250.192',
    'io.mcp-egress-proxy.client': '',
  },
  HostConfig: {
    Memory: 2 ** 31,
    MemorySwap: 2 ** 31,
    NanoCpus: 500_000_000,
    PidsLimit: 256,
    ShmSize: 2 ** 26,
    OomScoreAdj: 300,
    ReadonlyRootfs: false,
    NetworkMode: 'tools',
    Dns: ['172.31.250.250'],
    DnsOptions: [],
    DnsSearch: ['.'],
    CapDrop: ['ALL'],
    CapAdd: [],
    SecurityOpt: ['no-new-privileges'],
    Privileged: false,
    IpcMode: 'private',
    CgroupnsMode: 'private',
    LogConfig: { Type: 'none', Config: {} },
    AutoRemove: true,
  },
  NetworkingConfig: { EndpointsConfig: { tools: { IPAMConfig: { IPv4Address: '172.31.250.192' } } } },
};

test('what the guard sets on a tool is set, whatever was asked for', async (context) => {
  const it = await stand(context);
  await created(it, {
    Hostname: 'x',
    Env: ['A=1', 'A=2', 'HTTP_PROXY=http://evil'],
    Labels: { 'docker-mcp-name': 'github', 'traefik.enable': 'true' },
    Image: 'mcp/github-mcp-server',
    AttachStdin: true,
    OpenStdin: true,
    HostConfig: {
      NetworkMode: 'elsewhere',
      Memory: 2 ** 40,
      NanoCpus: 500_000_000,
      PidsLimit: 0,
      CapDrop: [],
      AutoRemove: false,
    },
  });
  const call = it.engine.calls[0];
  assert.equal(call?.call, 'POST /v1.45/containers/create?name=mcp-github-3f9a1c');
  assert.deepEqual(sentBody(it), CREATED);
  assert.deepEqual(leasesOf(it), [
    { address: '172.31.250.192', server: 'github', client: null, container: 'mcp-github-3f9a1c' },
  ]);
});

test('a tool without a network gets no address, no resolver and no proxy variable', async (context) => {
  const it = await stand(context);
  await created(it, { HostConfig: { NetworkMode: 'none' }, Env: ['http_proxy=x'] });
  const { HostConfig, NetworkingConfig, Env } = sentBody(it);
  assert.deepEqual(
    [HostConfig?.NetworkMode, HostConfig?.Dns, NetworkingConfig, Env],
    ['none', undefined, { EndpointsConfig: {} }, []],
  );
  assert.deepEqual(leasesOf(it), []);
});

test('a listed folder is mounted read-only, a listed volume is made first, and neither for another server', async (context) => {
  const it = await stand(context);
  const labels = (name: string) => ({ Labels: { 'docker-mcp-name': name } });
  await created(it, {
    Image: 'mcp/filesystem',
    ...labels('filesystem'),
    HostConfig: { Binds: ['/srv/project:/project'] },
  });
  const bind = {
    Type: 'bind',
    Source: '/srv/project',
    Target: '/project',
    ReadOnly: true,
    BindOptions: { Propagation: 'rprivate' },
  };
  assert.deepEqual(sentBody(it).HostConfig?.Mounts, [bind]);
  assert.equal(sentBody(it).HostConfig?.NetworkMode, 'none');
  it.engine.calls.length = 0;
  await created(it, { ...labels('memory'), HostConfig: { Binds: ['claude-memory:/app/dist'] } });
  assert.deepEqual(
    it.engine.calls.map(({ call }) => call),
    ['GET /volumes/claude-memory', 'POST /volumes/create', 'POST /v1.45/containers/create?name=mcp-memory-3f9a1c'],
  );
  assert.equal(
    it.engine.calls[1]?.body,
    '{"Name":"claude-memory","Driver":"local","DriverOpts":{},"Labels":{"io.mcp-egress-proxy.guard":"tools"}}',
  );
  it.engine.volumes.set('claude-memory', { Driver: 'local', Options: { type: 'none', o: 'bind', device: '/' } });
  const answer = await it.send(
    create(tool({ ...labels('memory'), HostConfig: { Binds: ['claude-memory:/app/dist'] } })),
  );
  assert.equal(statusOf(answer), 403);
  assert.equal(it.records.at(-1)?.reason, 'volume-not-listed');
});

test('reads that are refused are "not found", with a record', async (context) => {
  const it = await stand(context);
  for (const path of ['/containers/a1b2c3d4e5f6/json', '/images/postgres/json', '/volumes/docker-prompts']) {
    assert.equal(statusOf(await it.send(request(`GET /v1.45${path}`))), 404, path);
  }
  assert.equal(it.records.length, 3);
  assert.deepEqual(it.engine.calls, []);
});

test('a ping is answered with a version that the tables know, and without what the engine says of itself', async (context) => {
  const it = await stand(context);
  it.engine.answers.set('GET /_ping', { status: 200, body: 'OK' });
  const answer = await it.send(request('GET /_ping'));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\napi-version: 1\.45\r\n/);
  assert.doesNotMatch(answer, /swarm/i);
  assert.deepEqual(it.records, []);
});

test('a pull of a listed image is requested again, without the fields of the client', async (context) => {
  const it = await stand(context);
  const digest = `sha256:${'a'.repeat(64)}`;
  const line = `POST /v1.45/images/create?fromImage=mcp%2Ffetch&tag=${encodeURIComponent(digest)}`;
  await it.send(request(line, { fields: ['X-Registry-Auth: c2VjcmV0', 'X-Meta-Foo: data'] }));
  assert.equal(
    it.engine.calls[0]?.call,
    `POST /v1.45/images/create?fromImage=docker.io%2Fmcp%2Ffetch&tag=${encodeURIComponent(digest)}`,
  );
  assert.deepEqual(Object.keys(it.engine.calls[0]?.headers ?? {}).sort(), ['connection', 'content-length', 'host']);
  assert.deepEqual(
    it.records.map(({ operation, outcome }) => [operation, outcome]),
    [['pull', 'allow']],
  );
});

async function attached(
  it: Stand,
  id: string,
  behind = '',
): Promise<{ text: () => string; socket: ReturnType<Stand['open']> }> {
  const socket = it.open();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  const fields = ['Connection: Upgrade', 'Upgrade: tcp'];
  socket.write(
    `${request(`POST /v1.45/containers/${id}/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-c`, { fields })}${behind}`,
  );
  await until(() => answer.includes('\r\n\r\n'));
  return { socket, text: () => answer };
}

test('attach is relayed with half-close, and what follows its request is input', async (context: TestContext) => {
  const it = await stand(context);
  const id = await created(it);
  const smuggled = request('POST /v1.45/containers/create');
  const { socket, text } = await attached(it, id, smuggled);
  await until(() => it.engine.input.join('') === smuggled);
  socket.end('more');
  await once(socket, 'end');
  assert.equal(
    text(),
    `HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\necho:${smuggled}echo:morebye`,
  );
  assert.equal(it.engine.calls.filter(({ call }) => call.includes('create')).length, 1);
});

test('attach that the engine refuses ends the connection, and nothing that follows is read', async (context) => {
  const it = await stand(context);
  const id = await created(it);
  it.engine.containers.delete(id);
  const { socket, text } = await attached(it, id, request('GET /v1.45/version'));
  await once(socket, 'end');
  assert.match(text(), /^HTTP\/1\.1 404 /);
  assert.deepEqual(
    it.engine.calls.filter(({ call }) => call.includes('version')),
    [],
  );
});

test('the head of wait is there at once, its body when the tool has ended', async (context) => {
  const it = await stand(context);
  const id = await created(it);
  const socket = it.open();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(request(`POST /v1.45/containers/${id}/wait?condition=removed`));
  await until(() => answer.includes('\r\n\r\n'));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*Transfer-Encoding: chunked\r\n\r\n$/);
  it.engine.end(id);
  await until(() => answer.endsWith('0\r\n\r\n'));
  assert.ok(answer.includes('{"StatusCode":0}'));
  socket.destroy();
});

test('two requests in one write are two requests, each judged', async (context) => {
  const it = await stand(context);
  const socket = it.open();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(`${request('GET /_ping')}${create(tool({ HostConfig: { Privileged: true } }))}${create(tool())}`);
  await once(socket, 'end');
  assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 403']);
  assert.deepEqual(it.engine.calls, []);
});

test('a container is in reach by its id or by the start of it, as long as no other own one starts so', async (context) => {
  const it = await stand(context);
  const id = await created(it);
  const inspect = async (reference: string) =>
    statusOf(await it.send(request(`GET /v1.45/containers/${reference}/json`)));
  assert.deepEqual(await Promise.all([id, id.slice(0, 12), id.slice(0, 30)].map(inspect)), [200, 200, 200]);
  const foreign = `${id.slice(0, 12)}${'0'.repeat(52)}`;
  it.engine.containers.set(foreign, { id: foreign, body: {}, name: 'foreign', state: 'running' });
  assert.deepEqual(
    await Promise.all([foreign, id.slice(0, 11), 'mcp-unknown-3f9a1c', `${id}0`].map(inspect)),
    [404, 404, 404, 404],
  );
  assert.equal(await inspect(id.slice(0, 12)), 200);
});

test('one tool more than the limit is refused, however many come at once', async (context) => {
  const it = await stand(context);
  const answers = await Promise.all(Array.from({ length: 8 }, () => it.send(create(tool(onTools)))));
  assert.deepEqual(answers.map(statusOf).sort(), [201, 201, 201, 201, 409, 409, 409, 409]);
  assert.equal(new Set(leasesOf(it).map(({ address }) => address)).size, 4);
});

test('a tool that ended is out of reach, and its address rests before another server has it', async (context) => {
  let now = 0;
  const it = await stand(context, { now: () => now });
  const id = await created(it, { ...onTools, Labels: { 'docker-mcp-name': 'memory' } });
  const [{ address } = { address: '' }] = leasesOf(it);
  it.engine.end(id);
  await until(() => leasesOf(it).length === 0);
  assert.equal(statusOf(await it.send(request(`POST /v1.45/containers/${id}/start`))), 404);
  await created(it, onTools);
  assert.notEqual(leasesOf(it)[0]?.address, address);
  await created(it, { ...onTools, Labels: { 'docker-mcp-name': 'memory' } });
  assert.deepEqual(leasesOf(it).find((lease) => lease.server === 'memory')?.address, address);
  now += 1;
});
