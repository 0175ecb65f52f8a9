import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { RunTime } from '../../proxy/core/run-time.js';
import { parseHostPattern } from '../../proxy/core/target.js';
import { table } from '../http/fake-dns.js';
import { configOf, type RunningProxy, startProxy } from '../http/start-proxy.js';
import { dialerTo } from './dialer-to.js';

const NOTHING: RunTime = { grants: [], pauses: [] };
const PUBLIC = '93.184.216.34';

function block(host: string): RunTime {
  return {
    ...NOTHING,
    grants: [
      {
        id: 'b',
        effect: 'block',
        client: null,
        host: parseHostPattern(host),
        address: null,
        ports: null,
        internal: false,
        once: false,
      },
    ],
  };
}

interface Stand {
  readonly proxy: RunningProxy;
  tunnel(host: string): Promise<Socket>;
  configWith(policy: Readonly<Record<string, unknown>>): ReturnType<typeof configOf>;
}

/** An origin that says everything back, at every public address. */
async function stand(
  t: TestContext,
  policy: Readonly<Record<string, unknown>> = { default: 'public' },
): Promise<Stand> {
  const origin = net
    .createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket))
    .listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  const dialer = dialerTo(port, PUBLIC);
  const proxy = await startProxy({
    config: { policy },
    dns: table({ 'a.test': [PUBLIC], 'b.test': [PUBLIC] }),
    dialer,
  });
  const clients: Socket[] = [];
  t.after(async () => {
    for (const client of clients) client.destroy();
    origin.close();
    await proxy.app.stop();
    await proxy.dns.close();
  });
  return {
    proxy,
    async tunnel(host) {
      const client = await proxy.connect();
      clients.push(client);
      client.on('error', () => undefined).write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`);
      const [head] = await once(client, 'data');
      assert.match(String(head), /^HTTP\/1\.1 200/);
      return client;
    },
    configWith: (changed) =>
      configOf({ version: 1, dns: { servers: [proxy.dns.server] }, policy: { sni: 'off', ...changed } }),
  };
}

function echo(client: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const take = (bytes: Buffer): void => {
      got += bytes.toString('latin1');
      if (got.length < text.length) return;
      client.off('data', take);
      resolve(got);
    };
    client.on('data', take).write(text);
  });
}

test('a block closes the tunnel that it is for, with its cause, and the other one loses no byte', async (t) => {
  const { proxy, tunnel } = await stand(t, { default: 'public', sni: 'off' });
  const [a, b] = [await tunnel('a.test'), await tunnel('b.test')];
  const text = 'x'.repeat(200_000);
  const echoing = echo(b, text);
  const closed = once(a, 'end');
  assert.equal(await proxy.app.decide(block('a.test')), 1);
  await closed;
  assert.equal((await echoing).length, text.length);
  assert.equal(await echo(b, 'still here'), 'still here');
  const record = await proxy.closed(0);
  assert.deepEqual([record.cause, record.reason, record.host], ['policy', 'host-denied', 'a.test']);
});

test('a reload that denies the address closes, one that changes nothing closes nothing, and one in mode report neither', async (t) => {
  const { proxy, tunnel, configWith } = await stand(t, { default: 'public', sni: 'off' });
  const a = await tunnel('a.test');
  assert.equal(await proxy.app.reload(await configWith({ default: 'public' })), 0);
  assert.equal(
    await proxy.app.reload(await configWith({ default: 'public', mode: 'report', deny: [{ host: 'a.test' }] })),
    0,
  );
  assert.equal(await echo(a, 'still here'), 'still here');
  const closed = once(a, 'end');
  assert.equal(await proxy.app.reload(await configWith({ default: 'public', deny: [{ address: `${PUBLIC}/32` }] })), 1);
  await closed;
  assert.equal((await proxy.closed(0)).reason, 'address-denied');
});

test('a grant that ends closes what it allowed, and a pause closes everything', async (t) => {
  const { proxy, tunnel } = await stand(t, { default: 'none', sni: 'off', allow: [{ host: 'b.test' }] });
  const [grant] = block('a.test').grants;
  assert.ok(grant);
  await proxy.app.decide({ ...NOTHING, grants: [{ ...grant, effect: 'allow' }] });
  const [a, b] = [await tunnel('a.test'), await tunnel('b.test')];
  const closedA = once(a, 'end');
  assert.equal(await proxy.app.decide(NOTHING), 1);
  await closedA;
  const closedB = once(b, 'end');
  assert.equal(await proxy.app.decide({ ...NOTHING, pauses: [{ client: null, mode: 'refuse' }] }), 1);
  await closedB;
  assert.deepEqual([(await proxy.closed(0)).reason, (await proxy.closed(1)).reason], ['host-not-allowed', 'paused']);
});

test('of many connections those that are blocked are closed, and those that stay allowed are not touched', async (t) => {
  const { proxy, tunnel } = await stand(t, { default: 'public', sni: 'off' });
  const open = await Promise.all(Array.from({ length: 40 }, (_, i) => tunnel(i % 2 === 0 ? 'a.test' : 'b.test')));
  assert.equal(await proxy.app.decide(block('a.test')), 20);
  for (const [i, client] of open.entries()) if (i % 2 === 1) assert.equal(await echo(client, `${i}`), `${i}`);
});
