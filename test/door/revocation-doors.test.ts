import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { RunTime } from '../../proxy/core/run-time.js';
import { parseHostPattern } from '../../proxy/core/target.js';
import { table } from '../http/fake-dns.js';
import { configOf, type RunningProxy, startProxy } from '../http/start-proxy.js';
import { wireHello } from '../tls/hello-bytes.js';
import { dialerTo } from './dialer-to.js';

const PUBLIC = '93.184.216.34';
const BLOCK: RunTime = {
  pauses: [],
  grants: [
    {
      id: 'b',
      effect: 'block',
      client: null,
      host: parseHostPattern('a.test'),
      address: null,
      ports: null,
      internal: false,
      once: false,
    },
  ],
};

/** Every client is `tool`. */
function document(policy: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const clients = [{ name: 'tool', address: '127.0.0.1/32' }];
  return { version: 1, clients, policy: { default: 'public', sni: 'off', ...policy } };
}

interface Stand {
  readonly proxy: RunningProxy;
  /** Connections that the origin has. */
  readonly origins: Set<Socket>;
  connect(door: 'proxy' | 'socks' | 'steer.tls' | 'steer.http'): Promise<Socket>;
}

/** An origin that answers requests, switches protocols, keeps a response open, or says bytes back. */
async function stand(t: TestContext, policy: Readonly<Record<string, unknown>>): Promise<Stand> {
  const origins = new Set<Socket>();
  const origin = net.createServer((socket) => {
    origins.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => origins.delete(socket));
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      if (/^upgrade: x/im.test(text))
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      else if (/^GET (http:..[^/]*)?.endless/.test(text))
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst');
      else if (text.startsWith('GET /')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      else socket.write(bytes);
    });
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  const dialer = dialerTo(port, PUBLIC);
  const proxy = await startProxy({
    config: {
      ...document(policy),
      listen: { proxy: '127.0.0.1:0', socks: '127.0.0.1:0' },
      steer: { tls: '127.0.0.1:0', http: '127.0.0.1:0' },
    },
    dns: table({ 'a.test': [PUBLIC], 'b.test': [PUBLIC] }),
    dialer,
  });
  const clients: Socket[] = [];
  t.after(async () => {
    for (const client of clients) client.destroy();
    for (const socket of origins) socket.destroy();
    origin.close();
    await proxy.stop();
  });
  return {
    proxy,
    origins,
    async connect(door) {
      const client = net.connect({ host: '127.0.0.1', port: proxy.portOf(door) });
      clients.push(client.on('error', () => undefined));
      await once(client, 'connect');
      return client;
    },
  };
}

/** Resolves when as much of `expected` has come. */
async function hear(client: Socket, expected: RegExp): Promise<void> {
  let text = '';
  while (!expected.test(text)) text += String((await once(client, 'data'))[0]);
}

function socksTo(host: string, port: number): Buffer {
  return Buffer.from([5, 1, 0, 3, host.length, ...Buffer.from(host), port >> 8, port & 255]);
}

const OPENINGS: Readonly<Record<string, (stand: Stand, host: string) => Promise<Socket>>> = {
  async CONNECT({ connect }, host) {
    const client = await connect('proxy');
    client.write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`);
    await hear(client, /^HTTP\/1\.1 200/);
    return client;
  },
  async upgrade({ connect }, host) {
    const client = await connect('proxy');
    client.write(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`);
    await hear(client, /^HTTP\/1\.1 101/);
    return client;
  },
  async 'a forwarded response that goes on'({ connect }, host) {
    const client = await connect('proxy');
    client.write(`GET http://${host}/endless HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await hear(client, /first$/);
    return client;
  },
  async 'a steered response that goes on'({ connect }, host) {
    const client = await connect('steer.http');
    client.write(`GET /endless HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await hear(client, /first$/);
    return client;
  },
  async 'a steered upgrade'({ connect }, host) {
    const client = await connect('steer.http');
    client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`);
    await hear(client, /^HTTP\/1\.1 101/);
    return client;
  },
  async SOCKS({ connect }, host) {
    const client = await connect('socks');
    client.write(Buffer.from([5, 1, 0]));
    await once(client, 'data');
    client.write(socksTo(host, 443));
    const [answer] = await once(client, 'data');
    assert.equal(answer[1], 0);
    return client;
  },
  async 'steered TLS'({ connect }, host) {
    const client = await connect('steer.tls');
    client.write(wireHello({ sni: host }));
    await once(client, 'data');
    return client;
  },
};

/** What takes the leave of a.test back, and leaves that of b.test, where `isForAll` does not say otherwise. */
interface Change {
  readonly before: RunTime;
  readonly isForAll: boolean;
  take(proxy: RunningProxy): Promise<number>;
}

const NOTHING: RunTime = { grants: [], pauses: [] };
const ALLOW: RunTime = { ...BLOCK, grants: BLOCK.grants.map((grant) => ({ ...grant, effect: 'allow' })) };

const CHANGES: Readonly<Record<string, Change>> = {
  'a block': { before: NOTHING, isForAll: false, take: ({ app }) => app.decide(BLOCK) },
  'a reload that denies the host': {
    before: NOTHING,
    isForAll: false,
    take: async ({ app }) => app.reload(await configOf(document({ deny: [{ host: 'a.test' }] }))),
  },
  'a reload that allows the other one alone': {
    before: NOTHING,
    isForAll: false,
    take: async ({ app }) => app.reload(await configOf(document({ default: 'none', allow: [{ host: 'b.test' }] }))),
  },
  'the end of a grant': { before: ALLOW, isForAll: false, take: ({ app }) => app.decide(NOTHING) },
  'a pause of all': {
    before: NOTHING,
    isForAll: true,
    take: ({ app }) => app.decide({ ...NOTHING, pauses: [{ client: null, mode: 'refuse' }] }),
  },
  'a pause of the client': {
    before: NOTHING,
    isForAll: true,
    take: ({ app }) => app.decide({ ...NOTHING, pauses: [{ client: 'tool', mode: 'refuse' }] }),
  },
};

for (const [kind, open] of Object.entries(OPENINGS)) {
  for (const [name, { before, isForAll, take }] of Object.entries(CHANGES)) {
    test(`${kind}: ${name} cuts what it is for, and nothing else`, { timeout: 240_000 }, async (t) => {
      const here = await stand(t, before === ALLOW ? { default: 'none', allow: [{ host: 'b.test' }] } : {});
      await here.proxy.app.decide(before);
      const refused = await open(here, 'a.test');
      const other = await open(here, 'b.test');
      const ends = [refused, ...(isForAll ? [other] : [])].map((socket) => once(socket.resume(), 'close'));
      let isOtherOpen = true;
      other.on('close', () => {
        isOtherOpen = false;
      });
      assert.equal(await take(here.proxy), ends.length);
      await Promise.all(ends);
      assert.equal(isOtherOpen, !isForAll);
      assert.deepEqual(here.proxy.defects, []);
    });
  }
}

for (const [name, { take }] of Object.entries(CHANGES)) {
  if (name === 'the end of a grant') continue;
  test(`${name} closes an idle connection to an origin, and no request goes over it`, {
    timeout: 240_000,
  }, async (t) => {
    const { proxy, origins, connect } = await stand(t, {});
    const client = await connect('proxy');
    client.write('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await hear(client, /ok$/);
    assert.equal(origins.size, 1);
    const [idle] = origins;
    assert.ok(idle);
    const closed = once(idle.resume(), 'close');
    await take(proxy);
    await closed;
    client.write('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await hear(client, /^HTTP\/1\.1 403/);
    assert.equal(origins.size, 0);
  });
}

test('in mode report a reload closes nothing at any door', { timeout: 240_000 }, async (t) => {
  const here = await stand(t, {});
  const open = await Promise.all(Object.values(OPENINGS).map((opening) => opening(here, 'a.test')));
  const report = { mode: 'report', default: 'none', deny: [{ host: 'a.test' }] };
  assert.equal(await here.proxy.app.reload(await configOf(document(report))), 0);
  assert.deepEqual(
    open.map(({ destroyed }) => destroyed),
    open.map(() => false),
  );
});
