/** Origins with TLS for clients that leave it to the proxy (`GET https://`), directly and behind a parent proxy. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net, { type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { type Conversation, listenTo } from '../../http/conversation.js';
import { type FakeDns, startFakeDns, table } from '../../http/fake-dns.js';
import { type FakeParentOptions, startFakeParent } from '../../parent/fake-parent.js';
import { type Authority, createAuthority } from './authority.js';
import { type ProxyProcess, startProxyProcess } from './proxy-process.js';

const PATIENCE = { timeout: 240_000 };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** Behind the parent only: nothing on this machine. */
const PUBLIC = '93.184.215.14';

let folder: string;
let authority: Authority;
let dns: FakeDns;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-https-'));
  authority = await createAuthority(join(folder, 'authority'));
  dns = await startFakeDns(
    table({ 'origin.test': ['127.0.0.1'], 'far.origin.test': [PUBLIC], 'other.test': [PUBLIC] }),
  );
}, PATIENCE);
after(async () => {
  await dns.close();
  await rm(folder, { recursive: true });
});

interface Stand {
  readonly port: number;
  readonly proxy: ProxyProcess;
  /** Everything that came on each connection to the origin. */
  readonly got: readonly string[];
  client(): Promise<Conversation & { readonly socket: Socket }>;
}

type Answer = (socket: tls.TLSSocket, all: string, connection: number) => void;

async function stand(t: TestContext, answer: Answer, config: Readonly<Record<string, unknown>> = {}): Promise<Stand> {
  const got: string[] = [];
  const origin = tls.createServer(
    { key: authority.key, cert: authority.certificate, allowHalfOpen: true },
    (socket) => {
      const at = got.push('') - 1;
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes: Buffer) => {
        got[at] += bytes.toString('latin1');
        answer(socket, got[at] ?? '', at);
      });
    },
  );
  const open: Socket[] = [];
  origin.on('connection', (socket) => open.push(socket));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const at = origin.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const proxy = await startProxyProcess(
    join(await mkdtemp(join(folder, 'proxy-')), 'policy.yaml'),
    {
      version: 1,
      listen: { proxy: '127.0.0.1:0', admin: 'off' },
      dns: { servers: [dns.server] },
      policy: { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
      ...config,
    },
    { NODE_EXTRA_CA_CERTS: authority.certificatePath },
  );
  t.after(async () => {
    for (const socket of open) socket.destroy();
    origin.close();
    await proxy.stop();
  });
  return {
    ...{ port: at.port, proxy, got },
    async client() {
      const socket = net.connect(proxy.port, '127.0.0.1');
      open.push(socket);
      await once(socket, 'connect');
      return Object.assign(listenTo(socket), { socket });
    },
  };
}

function request(method: string, authorityText: string, path: string, lines = ''): string {
  return `${method} https://${authorityText}${path} HTTP/1.1\r\nHost: ${authorityText}\r\n${lines}\r\n`;
}

const count = (text: string): number => text.match(/\r\n\r\nok/g)?.length ?? 0;

test(
  'a connection with TLS serves several requests, and a GET that meets its end is sent again',
  PATIENCE,
  async (t) => {
    const { port, got, client } = await stand(t, (socket, all, connection) => {
      if (connection === 0 && all.includes('/third')) socket.destroy();
      else socket.write(OK);
    });
    const { socket, until } = await client();
    for (const [i, path] of ['/first', '/second', '/third'].entries()) {
      socket.write(request('GET', `origin.test:${port}`, path));
      await until(({ text }) => count(text) === i + 1);
    }
    assert.deepEqual(
      got.map((all) => all.match(/GET/g)?.length),
      [3, 1],
    );
    assert.match(got[0] ?? '', new RegExp(`^GET /first HTTP/1\\.1\\r\\nHost: origin\\.test:${port}\\r\\n`));
  },
);

test('expectations, interim responses, early answers and trailers are the same with TLS', PATIENCE, async (t) => {
  const { port, client } = await stand(t, (socket, all) => {
    if (all.includes('/early') && all.endsWith('\r\n\r\n'))
      socket.end('HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno');
    if (all.includes('/expect') && all.endsWith('hello')) socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`);
    if (all.includes('/trailers'))
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n');
  });
  const origin = `origin.test:${port}`;
  const expecting = await client();
  expecting.socket.write(request('POST', origin, '/expect', 'Expect: 100-continue\r\nContent-Length: 5\r\n'));
  expecting.socket.write('hello');
  await expecting.until(({ text }) => /103 Early Hints[\s\S]*200 OK[\s\S]*ok$/.test(text));
  const early = await client();
  early.socket.write(request('POST', origin, '/early', 'Content-Length: 1000000\r\n'));
  await early.until(({ text }) => /^HTTP\/1\.1 413 No[\s\S]*no$/.test(text));
  const trailers = await client();
  trailers.socket.write(request('GET', origin, '/trailers'));
  await trailers.until(({ text }) => /2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n$/.test(text));
});

test('an Upgrade to an origin with TLS becomes a tunnel', PATIENCE, async (t) => {
  const { port, client } = await stand(t, (socket, all) => {
    if (all.endsWith('ping')) socket.write('pong');
    else socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  const { socket, until } = await client();
  socket.write(
    request('GET', `origin.test:${port}`, '/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n').replace(
      'https:',
      'wss:',
    ),
  );
  await until(({ text }) => text.startsWith('HTTP/1.1 101 '));
  socket.write('ping');
  await until(({ text }) => text.endsWith('pong'));
});

for (const protocol of ['http', 'socks5'] as const) {
  const behind = async (t: TestContext, options: Partial<FakeParentOptions> = {}) => {
    let to = 0;
    // Where it leads is known only when the origin listens.
    const parent = await startFakeParent({
      protocol,
      get to() {
        return to;
      },
      credentials: 'carl:p@w',
      ...options,
    });
    t.after(() => parent.close().catch(() => undefined));
    const upstream = { proxy: `${protocol}://carl:p%40w@127.0.0.1:${parent.port}` };
    const own = await stand(t, (socket) => void socket.write(OK), { upstream });
    to = own.port;
    return { parent, own };
  };

  test(
    `GET https:// goes through a parent of ${protocol} by the vetted address, with TLS to the name`,
    PATIENCE,
    async (t) => {
      const { parent, own } = await behind(t);
      const { socket, heard, until } = await own.client();
      for (const i of [1, 2]) {
        socket.write(request('GET', 'far.origin.test', '/'));
        await until(({ text, ended }) => ended || count(text) === i);
      }
      assert.match(heard.text, /^HTTP\/1\.1 200 OK/);
      assert.deepEqual(parent.asked, [`carl:p@w@${PUBLIC}:443`]);
      assert.equal(own.got.length, 1);
    },
  );

  test(`a certificate for another name is refused behind a parent of ${protocol}, too`, PATIENCE, async (t) => {
    const { own } = await behind(t);
    const { socket, heard, until } = await own.client();
    socket.write(request('GET', 'other.test', '/'));
    await until(({ text }) => text.includes('\r\n\r\n'));
    assert.match(heard.text, /^HTTP\/1\.1 502 Egress failed: upstream-certificate other\.test/);
    assert.equal(own.got.join(''), '');
  });

  test(
    `a parent of ${protocol} that is down, refuses, or wants other credentials is a failure, and no way around it`,
    PATIENCE,
    async (t) => {
      const refusing = await behind(t, { refuses: () => (protocol === 'http' ? 403 : 2) });
      const strange = await behind(t, { credentials: 'carl:other' });
      const down = await behind(t);
      await down.parent.close();
      for (const [{ own }, reason] of [
        [refusing, 'parent-refused'],
        [strange, 'parent-credentials'],
        [down, 'parent-unreachable'],
      ] as const) {
        const { socket, heard, until } = await own.client();
        socket.write(request('GET', 'far.origin.test', '/'));
        await until(({ text }) => text.includes('\r\n\r\n'));
        assert.match(heard.text, new RegExp(`^HTTP/1\\.1 502 Egress failed: ${reason} far\\.origin\\.test`));
        assert.deepEqual(own.got, []);
      }
    },
  );

  test(`an internal origin with TLS is connected to without the parent of ${protocol}`, PATIENCE, async (t) => {
    const { parent, own } = await behind(t);
    const { socket, until } = await own.client();
    socket.write(request('GET', `origin.test:${own.port}`, '/'));
    await until(({ text }) => count(text) === 1);
    assert.deepEqual(parent.asked, []);
  });
}
