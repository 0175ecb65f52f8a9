import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { suggestCommand } from '../../proxy/cli/suggest.js';
import { loadConfig } from '../../proxy/config/load.js';
import type { Permit } from '../../proxy/core/policy.js';
import { authorityText } from '../../proxy/core/target.js';
import type { Dialer } from '../../proxy/net/dialer.js';
import { decisionJson } from '../../proxy/observe/json-line.js';
import { runCommand } from '../cli/run-command.js';
import { table } from '../http/fake-dns.js';
import { type RunningProxy, startProxy } from '../http/start-proxy.js';
import { promisedDialer } from '../net/promised-dialer.js';

const TOKENS = { github: '0123456789abcdef-github', search: '0123456789abcdef-search' } as const;
type ClientName = keyof typeof TOKENS;

const CLIENTS = Object.entries(TOKENS).map(([name, token]) => ({ name, token }));

/** Public names, as DNS of the test has them; the addresses are nobody's that would be asked. */
const DNS = table({
  'api.github.com': ['192.0.66.1'],
  'uploads.github.com': ['192.0.66.2'],
  'codeload.github.com': ['192.0.66.3'],
  'gist.github.com': ['192.0.66.4'],
  'search.example': ['192.0.66.5', '2a00:1450::5'],
  'evil.example': ['192.0.66.9'],
});

type Request = readonly [client: ClientName, method: 'GET' | 'CONNECT', target: string];

const SESSION: readonly Request[] = [
  ['github', 'CONNECT', 'api.github.com:443'],
  ['github', 'CONNECT', 'api.github.com:443'],
  ['github', 'CONNECT', 'uploads.github.com:443'],
  ['github', 'GET', 'http://codeload.github.com/a/b'],
  ['github', 'CONNECT', 'codeload.github.com:443'],
  ['search', 'GET', 'http://search.example/?q=1'],
  ['search', 'GET', 'http://192.0.66.5:8080/'],
];

const OTHERS: readonly Request[] = [
  ['github', 'CONNECT', 'evil.example:443'],
  ['search', 'CONNECT', 'api.github.com:443'],
  ['github', 'GET', 'http://search.example/'],
  ['github', 'CONNECT', 'api.github.com:22'],
  ['search', 'GET', 'http://192.0.66.6:8080/'],
  ['search', 'GET', 'http://192.0.66.5:8081/'],
  ['github', 'GET', 'http://169.254.169.254/'],
];

test('what suggest makes of a session allows exactly that session', { timeout: 240_000 }, async (t) => {
  const origin = await startOrigin(t);
  const open = await start(t, { mode: 'report', default: 'none' }, origin.dialer);
  for (const request of SESSION) assert.equal(await statusOf(open, request), 200, request.join(' '));
  const log = open.decisions.map((record) => `${decisionJson(record)}\n`).join('');
  assert.ok(open.decisions.every(({ outcome, reason }) => outcome === 'allow' && reason === 'host-not-allowed'));

  const policy = await suggested(t, log);
  const closed = await start(t, policy, origin.dialer);
  for (const request of SESSION) assert.equal(await statusOf(closed, request), 200, request.join(' '));
  const dials = origin.dialed.length;
  for (const request of OTHERS) assert.equal(await statusOf(closed, request), 403, request.join(' '));
  assert.equal(origin.dialed.length, dials, 'no refusal dials');
  assert.deepEqual([open.defects, closed.defects], [[], []]);
});

/** The policy of the configuration that is out, checked by the product's own loader. */
async function suggested(context: TestContext, log: string): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'suggest-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const base = join(folder, 'base.yaml');
  writeFileSync(base, JSON.stringify({ version: 1, clients: CLIENTS, policy: { mode: 'report', default: 'none' } }));
  const { code, out, err } = await runCommand(suggestCommand, ['--config', base], { input: log });
  assert.deepEqual([code, err], [0, '']);
  const path = join(folder, 'new.yaml');
  writeFileSync(path, out);
  const loaded = loadConfig({ path, env: {} });
  assert.ok(loaded.ok, out);
  const { policy } = loaded.config;
  assert.equal(policy.default, 'none');
  return {
    mode: policy.mode,
    default: policy.default,
    allow: policy.allow.map(({ host, address, ports, clients }) => ({
      ...(host === null ? {} : { host: host.text }),
      ...(address === null ? {} : { address: address.text }),
      ports: ports?.map(({ from, to }) => (from === to ? from : `${from}-${to}`)),
      clients: [...(clients ?? [])],
    })),
  };
}

async function start(context: TestContext, policy: Record<string, unknown>, dialer: Dialer): Promise<RunningProxy> {
  const proxy = await startProxy({ config: { policy: { sni: 'off', ...policy }, clients: CLIENTS }, dns: DNS, dialer });
  context.after(() => proxy.stop());
  return proxy;
}

/** An origin on loopback, and a dialer that reaches it in place of whatever was vetted. */
async function startOrigin(context: TestContext): Promise<{ dialer: Dialer; dialed: string[] }> {
  const server = http.createServer((_request, response) => response.end('origin'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const dialed: string[] = [];
  const dial = async ({ target, addresses }: Permit) => {
    dialed.push(authorityText(target));
    const socket = net.connect({ host: '127.0.0.1', port: address.port });
    await once(socket, 'connect');
    return { socket, address: addresses[0] };
  };
  return { dialer: promisedDialer(dial), dialed };
}

/** The status that the proxy, or the origin behind it, answers with. */
async function statusOf(proxy: RunningProxy, [client, method, target]: Request): Promise<number> {
  const credentials = Buffer.from(`${client}:${TOKENS[client]}`).toString('base64');
  const host = method === 'CONNECT' ? target : new URL(target).host;
  const request = http.request({
    host: '127.0.0.1',
    port: proxy.port,
    method,
    path: target,
    agent: false,
    headers: { host, 'proxy-authorization': `Basic ${credentials}` },
  });
  request.end();
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('connect', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
}
