/** Two instances behind a switch that follows readyz, as a Service does: one takes the other's place. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { CLOSED_PORT } from '../net/closed-port.js';
import { type Instance, startInstance } from './instance.js';

const at = (limits: string): string =>
  `version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "off", metrics: "127.0.0.1:0" }\nlimits: { ${limits} }\n`;
/** Refused by each instance that works: nothing has to be reached for it. */
const TARGET = 'http://169.254.169.254/';
const SERVED = 403;
/** What still comes to an instance after it has said that it is not ready: every node has to drop it. */
const LATE = 40;

test('with a delay, nothing is lost while one instance takes the place of another', async (t) => {
  const [old, next] = [await startInstance(t, at('drainDelay: 2m')), await startInstance(t, at('drainDelay: 0s'))];
  const service = await openSwitch(t, old);
  const before = await ask(service, 10);
  const delayed = old.line(/"event":"drain-delay"/);
  old.child.kill('SIGTERM');
  assert.match(await delayed, /"delayMs":120000/);
  assert.equal(await status(`${old.metrics}/readyz`), 503);
  assert.equal(await status(`${old.metrics}/healthz`), 200);
  const late = await ask(service, LATE);
  assert.equal(await status(`${next.metrics}/readyz`), 200);
  service.to(next);
  const after = await ask(service, 10);
  assert.deepEqual(lost([...before, ...late, ...after]), []);
  const ended = once(old.child, 'exit');
  old.child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null], 'a second signal ends the delay, and the drain is a clean one');
  assert.deepEqual(lost(await ask(service, 10)), []);
});

test('without a drain delay, requests that come late are lost', async (t) => {
  const old = await startInstance(t, at('drainDelay: 0s'));
  const service = await openSwitch(t, old);
  const ended = once(old.child, 'exit');
  old.child.kill('SIGTERM');
  await ended;
  // Its own port may be another test's by now.
  service.to({ proxy: `http://127.0.0.1:${CLOSED_PORT}` });
  assert.equal(lost(await ask(service, LATE)).length, LATE);
});

test('during the delay a tunnel and a forwarded request are served, and no connection is kept for another one', async (t) => {
  const instance = await startInstance(t, at('drainDelay: 2m'));
  const before = await answer(instance.proxy, true);
  assert.equal(before.headers.connection, 'keep-alive');
  const delayed = instance.line(/"event":"drain-delay"/);
  instance.child.kill('SIGTERM');
  await delayed;
  const during = await answer(instance.proxy, true);
  assert.deepEqual([during.statusCode, during.headers.connection], [SERVED, 'close']);
  instance.child.kill('SIGINT');
});

interface Switch {
  readonly url: string;
  /** New connections go there. */
  to(instance: Pick<Instance, 'proxy'>): void;
}

async function openSwitch(context: TestContext, first: Pick<Instance, 'proxy'>): Promise<Switch> {
  let current = first;
  const server = net.createServer((client) => {
    const { hostname, port } = new URL(current.proxy);
    const upstream = net.connect(Number(port), hostname);
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => into.destroy());
      from.on('close', () => into.destroy());
      from.pipe(into);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    to(instance) {
      current = instance;
    },
  };
}

/** So many new connections, one after the other; the status of each, or what became of it. */
async function ask(service: Switch, count: number): Promise<string[]> {
  const answers: string[] = [];
  for (let i = 0; i < count; i++)
    answers.push(
      await answer(service.url, false).then(
        ({ statusCode }) => String(statusCode),
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      ),
    );
  return answers;
}

function lost(answers: readonly string[]): string[] {
  return answers.filter((one) => one !== String(SERVED));
}

async function answer(proxy: string, keepAlive: boolean): Promise<http.IncomingMessage> {
  const { hostname, port } = new URL(proxy);
  const connection = keepAlive ? 'keep-alive' : 'close';
  const agent = new http.Agent({ keepAlive });
  const sent = http.request({
    host: hostname,
    port,
    path: TARGET,
    headers: { host: '169.254.169.254', connection },
    agent,
  });
  sent.end();
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
  agent.destroy();
  return response;
}

async function status(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}
