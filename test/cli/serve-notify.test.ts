import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { LISTEN, request, startInstance } from './instance.js';

interface Told {
  readonly event: string;
  readonly host: string;
  readonly id: string;
  readonly instance: string;
  readonly text: string;
}

/** A receiver on loopback, and what it is told. */
async function receiver(t: TestContext) {
  const told: Told[] = [];
  const waiting: (() => void)[] = [];
  const server = http.createServer(async (asked, response) => {
    const body = await text(asked);
    response.end();
    if (asked.method === 'POST') told.push(JSON.parse(body));
    for (const wake of waiting.splice(0)) wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return {
    port: (server.address() as AddressInfo).port,
    told,
    async until(count: number): Promise<void> {
      while (told.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

test('questions, metadata attempts and first contacts are told, through the own policy', {
  timeout: 240_000,
}, async (t) => {
  const hooks = await receiver(t);
  const sites = await receiver(t);
  const rules = `internal: [ { address: 127.0.0.1/32, ports: [${hooks.port}], clients: [notify] }, { address: 127.0.0.1/32, ports: [${sites.port}] } ]`;
  const notify = `notify: { url: "http://127.0.0.1:${hooks.port}/hook", events: [question, metadata, first-contact], instance: nas }`;
  const instance = await startInstance(
    t,
    `${LISTEN}policy: { default: none, ask: {}, ${rules} }\n${notify}\nstate: { path: off }\n`,
  );
  assert.equal(await request(instance.proxy, 'http://169.254.169.254/'), 403);
  await hooks.until(1);
  assert.equal(await request(instance.proxy, 'http://site.test/'), 403);
  await hooks.until(2);
  assert.equal(await request(instance.proxy, `http://127.0.0.1:${sites.port}/`), 200);
  await hooks.until(3);
  assert.deepEqual(
    hooks.told.map(({ event, host }) => [event, host]),
    [
      ['metadata', '169.254.169.254'],
      ['question', 'site.test'],
      ['first-contact', '127.0.0.1'],
    ],
  );
  // What a tool may not reach, the proxy has reached; and it has told nothing of that.
  assert.equal(await request(instance.proxy, `http://127.0.0.1:${hooks.port}/`), 403);
  const decisions = instance.log.map((line) => JSON.parse(line)).filter(({ event }) => event === 'decision');
  assert.ok(decisions.every(({ port, outcome }) => port !== hooks.port || outcome === 'deny'));
  const metrics = await (await fetch(`${instance.admin}/metrics`)).text();
  assert.match(metrics, /^egress_notices_total\{reason="metadata",outcome="sent"\} 1$/m);
  const policy = await (await fetch(`${instance.admin}/v1/policy`)).text();
  assert.doesNotMatch(policy, /\/hook/);
});

test('a notice names the proxy as its log does, where the file gives it no name', { timeout: 240_000 }, async (t) => {
  const hooks = await receiver(t);
  const rules = `internal: [ { address: 127.0.0.1/32, ports: [${hooks.port}], clients: [notify] } ]`;
  const notify = `notify: { url: "http://127.0.0.1:${hooks.port}/hook", events: [metadata] }`;
  const instance = await startInstance(
    t,
    `${LISTEN}policy: { default: none, ${rules} }\n${notify}\nstate: { path: off }\n`,
  );
  const line = instance.line(/"event":"decision"/);
  assert.equal(await request(instance.proxy, 'http://169.254.169.254/'), 403);
  const logged = JSON.parse(await line);
  await hooks.until(1);
  const [notice] = hooks.told;
  assert.ok(typeof logged.instance === 'string' && logged.instance !== '');
  assert.equal(notice?.instance, logged.instance);
  assert.ok(notice?.text.startsWith(`${logged.instance}: `), notice?.text);
});

test('a receiver that a reload brings is told from then on, and one that a reload takes away no more', {
  timeout: 240_000,
}, async (t) => {
  const hooks = await receiver(t);
  const rules = `internal: [ { address: 127.0.0.1/32, ports: [${hooks.port}], clients: [notify] } ]`;
  const without = `${LISTEN}policy: { default: none }\nstate: { path: off }\n`;
  const notify = `notify: { url: "http://127.0.0.1:${hooks.port}/hook", events: [metadata] }`;
  const told = `${LISTEN}policy: { default: none, ${rules} }\n${notify}\nstate: { path: off }\n`;
  const instance = await startInstance(t, without);
  const reload = async (yaml: string): Promise<void> => {
    const reloaded = instance.event('reloaded');
    await instance.configure(yaml);
    instance.child.kill('SIGHUP');
    await reloaded;
  };
  assert.equal(await request(instance.proxy, 'http://169.254.169.254/'), 403);
  await reload(told);
  assert.equal(await request(instance.proxy, 'http://100.100.100.200/'), 403);
  await hooks.until(1);
  assert.deepEqual(
    hooks.told.map(({ host }) => host),
    ['100.100.100.200'],
  );
  await reload(without);
  assert.equal(await request(instance.proxy, 'http://169.254.170.2/'), 403);
  const metrics = await (await fetch(`${instance.admin}/metrics`)).text();
  assert.match(metrics, /^egress_notices_total\{reason="metadata",outcome="sent"\} 1$/m);
  assert.equal(hooks.told.length, 1);
});
