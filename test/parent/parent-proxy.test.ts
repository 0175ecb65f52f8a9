import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { listenTo } from '../http/conversation.js';
import { createCountingDialer } from '../http/counting-dialer.js';
import { table } from '../http/fake-dns.js';
import { startRawOrigin } from '../http/raw-origin.js';
import { type RunningProxy, startProxy } from '../http/start-proxy.js';
import { CLOSED_PORT } from '../net/closed-port.js';
import { type FakeParent, type FakeParentOptions, startFakeParent } from './fake-parent.js';

const PUBLIC = '93.184.215.14';
const NAMES = { 'a.example': [PUBLIC], 'two.example': [PUBLIC, '1.1.1.1'], 'inner.example': ['10.1.2.3'] };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Stand {
  readonly proxy: RunningProxy;
  readonly parent: FakeParent;
  readonly origin: { readonly heard: number };
  /** All that a connection with this request is answered, up to its first answer. */
  ask(request: string): Promise<string>;
}

interface StandOptions extends Partial<FakeParentOptions> {
  readonly upstream?: (port: number) => Readonly<Record<string, unknown>>;
  readonly policy?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

async function stand(t: TestContext, options: StandOptions = {}): Promise<Stand> {
  const origin = await startRawOrigin((socket) => socket.write(OK));
  const parent = await startFakeParent({ protocol: 'http', to: origin.port, ...options });
  const upstream = options.upstream?.(parent.port) ?? { proxy: `http://127.0.0.1:${parent.port}` };
  const proxy = await startProxy({
    config: {
      policy: { default: 'public', ...options.policy },
      upstream,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    },
    dns: table({ ...NAMES, ...options.names }),
  });
  t.after(async () => {
    await parent.close();
    await origin.close();
    await proxy.stop();
    assert.deepEqual(proxy.defects, []);
  });
  const ask = async (request: string): Promise<string> => {
    const socket = await proxy.connect();
    const { heard, until } = listenTo(socket);
    socket.write(request);
    await until(({ text, ended }) => ended || /ok$|\}\n$|established\r\n\r\n$/.test(text));
    if (heard.text.endsWith('established\r\n\r\n')) {
      socket.write('hello');
      await until(({ text, ended }) => ended || text.endsWith('ok'));
    }
    socket.destroy();
    return heard.text;
  };
  return { proxy, parent, origin, ask };
}

const get = (host: string): string => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const connect = (authority: string): string => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;

for (const protocol of ['http', 'socks5'] as const) {
  const upstream = (port: number) => ({ proxy: `${protocol}://carl:p%40w@127.0.0.1:${port}` });
  test(`the vetted address goes to a parent of ${protocol}, for requests and for tunnels`, async (t) => {
    const { proxy, parent, ask } = await stand(t, { protocol, credentials: 'carl:p@w', upstream });
    assert.match(await ask(get('a.example')), /^HTTP\/1\.1 200 OK[\s\S]*ok$/);
    assert.match(await ask(connect('a.example:443')), /established[\s\S]*ok$/);
    assert.deepEqual(parent.asked, [`carl:p@w@${PUBLIC}:80`, `carl:p@w@${PUBLIC}:443`]);
    assert.deepEqual(
      proxy.decisions.map(({ outcome, addresses, dialed }) => [outcome, addresses, dialed]),
      [
        ['allow', [PUBLIC], PUBLIC],
        ['allow', [PUBLIC], PUBLIC],
      ],
    );
  });

  test(`a parent of ${protocol} that wants other credentials is a failure of its own`, async (t) => {
    const { parent, origin, ask } = await stand(t, { protocol, credentials: 'carl:other', upstream });
    assert.match(await ask(get('two.example')), /^HTTP\/1\.1 502 Egress failed: parent-credentials/);
    assert.ok(parent.asked.length <= 1);
    assert.equal(origin.heard, 0);
  });

  test(`where a parent of ${protocol} cannot connect, the next vetted address is tried`, async (t) => {
    const first = (asked: string): number | null => (asked.startsWith(PUBLIC) ? (protocol === 'http' ? 502 : 5) : null);
    const { parent, ask } = await stand(t, {
      protocol,
      refuses: first,
      upstream: (port) => ({ proxy: `${protocol}://127.0.0.1:${port}` }),
    });
    assert.match(await ask(get('two.example')), /^HTTP\/1\.1 200 OK/);
    assert.deepEqual(parent.asked.toSorted(), ['1.1.1.1:80', `${PUBLIC}:80`].slice(-parent.asked.length));
  });
}

test('what the policy refuses reaches no parent', async (t) => {
  const { parent, ask } = await stand(t, { policy: { deny: [{ host: 'a.example' }] } });
  for (const [target, reason] of [
    ['a.example:443', 'host-denied'],
    ['inner.example:443', 'address-prohibited'],
    ['169.254.169.254:80', 'metadata-address'],
    ['127.0.0.1:80', 'address-prohibited'],
  ] as const)
    assert.match(await ask(connect(target)), new RegExp(`^HTTP/1\\.1 403 Egress denied: ${reason}`));
  assert.deepEqual(parent.asked, []);
});

test('the parent itself is no destination that its configuration opens', async (t) => {
  const { parent, ask } = await stand(t);
  assert.match(await ask(connect(`127.0.0.1:${parent.port}`)), /^HTTP\/1\.1 403 Egress denied: address-prohibited/);
});

test('a parent that is down is a failure, and nothing is connected to without it', async (t) => {
  const { origin, ask } = await stand(t, { upstream: () => ({ proxy: `http://127.0.0.1:${CLOSED_PORT}` }) });
  for (const request of [get('a.example'), connect('a.example:443')])
    assert.match(await ask(request), /^HTTP\/1\.1 502 Egress failed: parent-unreachable/);
  assert.equal(origin.heard, 0);
});

test('a parent that says nothing and one that refuses are distinguished', async (t) => {
  const silent = await stand(t, { isSilent: true, limits: { connectTimeout: '200ms' } });
  assert.match(await silent.ask(get('a.example')), /^HTTP\/1\.1 504 Egress failed: connect-timeout/);
  const refusing = await stand(t, { refuses: () => 403 });
  assert.match(await refusing.ask(connect('a.example:443')), /^HTTP\/1\.1 502 Egress failed: parent-refused/);
});

test('private destinations and what noProxy names do not go through the parent', async () => {
  const dialer = createCountingDialer();
  const proxy = await startProxy({
    config: {
      policy: {
        default: 'public',
        internal: [
          { host: 'local.example', ports: [80] },
          { host: 'cluster.example', ports: [80] },
        ],
        private: ['34.118.224.0/20'],
      },
      upstream: { proxy: 'http://parent.example:3128', noProxy: ['*.direct.example', '1.0.0.0/8'] },
    },
    dns: table({
      ...NAMES,
      'parent.example': ['10.9.9.9'],
      'local.example': ['10.1.2.3'],
      'cluster.example': ['34.118.224.9'],
      'a.direct.example': ['93.184.215.15'],
    }),
    dialer,
  });
  for (const target of [
    'a.example:80',
    '1.1.1.1:80',
    'two.example:80',
    'a.direct.example:80',
    'local.example:80',
    'cluster.example:80',
  ]) {
    const socket = await proxy.connect();
    const { until } = listenTo(socket);
    socket.write(connect(target));
    await until(({ ended }) => ended);
    socket.destroy();
  }
  const dialed = dialer.permits.map(({ target, addresses }) => `${addresses[0].text}:${target.port}`);
  assert.deepEqual(dialed, [
    '10.9.9.9:3128',
    '1.1.1.1:80',
    `${PUBLIC}:80`,
    '93.184.215.15:80',
    '10.1.2.3:80',
    '34.118.224.9:80',
  ]);
  await proxy.stop();
});

test('a parent at a metadata address, or at the proxy itself, is never connected to', async (t) => {
  for (const proxy of ['http://169.254.169.254:3128', 'http://metadata.google.internal:3128', 'http://0.0.0.0:3128']) {
    const { ask } = await stand(t, { upstream: () => ({ proxy }) });
    assert.match(await ask(get('a.example')), /^HTTP\/1\.1 502 Egress failed: parent-unreachable/);
  }
});

test('with resolve: parent the name goes to the parent, and what can be vetted here still is', async (t) => {
  const { proxy, parent, ask } = await stand(t, {
    upstream: (port) => ({ proxy: `http://127.0.0.1:${port}`, resolve: 'parent' }),
    policy: { deny: [{ host: 'no.example' }] },
  });
  assert.match(await ask(get('a.example')), /^HTTP\/1\.1 200 OK/);
  assert.match(await ask(get('unknown.example')), /^HTTP\/1\.1 200 OK/);
  assert.match(await ask(get('inner.example')), /403 Egress denied: address-prohibited/);
  assert.match(await ask(get('no.example')), /403 Egress denied: host-denied/);
  assert.match(await ask(get('metadata.google.internal')), /403 Egress denied: metadata-address/);
  assert.deepEqual(parent.asked, ['a.example:80', 'unknown.example:80']);
  assert.deepEqual(proxy.decisions[1]?.addresses, []);
});

test('with default: none and resolve: parent only names that a rule allows go to the parent', async (t) => {
  const { parent, ask } = await stand(t, {
    upstream: (port) => ({ proxy: `http://127.0.0.1:${port}`, resolve: 'parent' }),
    policy: {
      default: 'none',
      allow: [
        { host: 'one.test', ports: [80] },
        { address: '0.0.0.0/0', ports: [81] },
      ],
    },
  });
  assert.match(await ask(get('one.test')), /^HTTP\/1\.1 200 OK/);
  for (const target of ['two.test:80', 'one.test:81', 'two.test:81'])
    assert.match(await ask(connect(target)), /^HTTP\/1\.1 403 Egress denied: (?:host|port)-not-allowed/, target);
  assert.deepEqual(parent.asked, ['one.test:80']);
});
