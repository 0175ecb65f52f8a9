import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sendersOf } from './senders.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Every way out of a running proxy: docs/security-model.md describes each of them. */
const WAYS_OUT = [
  // Datagrams, as answers to neighbours of the DNS door.
  'proxy/dns/dns-door.ts: createSocket of node:dgram',
  // TCP, with a Permit.
  'proxy/net/dialer.ts: connect of node:net',
  // GET of pods, to the API server whose address the kubelet has put into the environment. No client has a say in any of it.
  'proxy/kubernetes/api-server.ts: Agent of node:https',
  'proxy/kubernetes/api-server.ts: request of node:https',
  // Queries to the DNS servers, and which these are where no resolv.conf says so.
  'proxy/net/dns-socket.ts: connect of node:net',
  'proxy/net/dns-socket.ts: createSocket of node:dgram',
  'proxy/net/resolv-conf.ts: Resolver of node:dns',
  // TLS over the socket that the dialer opened.
  'proxy/net/upstream-tls.ts: connect of node:tls',
];

/** Answers, to whoever has completed a TCP handshake with a listener. Fastify is behind the front of the admin API. */
const LISTENERS = [
  'proxy/admin/front.ts: createServer of node:http',
  'proxy/admin/health-server.ts: createServer of node:http',
  'proxy/dns/dns-door.ts: createServer of node:net',
  'proxy/door/fixed-relay.ts: createServer of node:net',
  'proxy/door/tunnel-door.ts: createServer of node:net',
  'proxy/http/server.ts: createServer of node:net',
];

/** In processes of their own, started by a person or a health check: they carry nobody's request. */
const COMMANDS = [
  // The Engine API, by GET, for `audit`.
  'proxy/audit/facts/engine-api.ts: * of node:http',
  'proxy/audit/facts/engine-api.ts: * of node:https',
  'proxy/audit/facts/engine-api.ts: RequestOptions of node:https',
  // The engine's socket, for `guard`, and the socket at which a gateway asks it.
  'proxy/guard/engine.ts: Agent of node:http',
  'proxy/guard/engine.ts: connect of node:net',
  'proxy/guard/engine.ts: request of node:http',
  'proxy/guard/guard.ts: createServer of node:net',
  'proxy/cli/admin-client.ts: fetch',
  'proxy/cli/event-stream.ts: fetch',
  'proxy/cli/healthcheck.ts: fetch',
  'proxy/probe/finding.ts: connect of node:net',
  'proxy/probe/finding.ts: createSocket of node:dgram',
  'proxy/probe/finding.ts: execFile of node:child_process',
  'proxy/probe/forwarding.ts: createSocket of node:dgram',
  'proxy/probe/forwarding.ts: execFile of node:child_process',
  'proxy/probe/probe.ts: Resolver of node:dns/promises',
  'proxy/suggest/source.ts: fetch',
];

test('what can send is known, file by file: the ways out, the listeners and the commands', () => {
  const sources = readdirSync(`${ROOT}proxy`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(ROOT.length).replaceAll('\\', '/'))
    .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }));
  assert.deepEqual(sendersOf(sources), [...WAYS_OUT, ...LISTENERS, ...COMMANDS].sort());
});

test('the list finds a sender under any name', () => {
  const found = (text: string): string[] => sendersOf([{ path: 'a.ts', text }]);
  assert.deepEqual(found("import { createSocket as open } from 'dgram'; open('udp4');"), [
    'a.ts: createSocket of node:dgram',
  ]);
  assert.deepEqual(found("import * as n from 'node:net'; n.connect(1);"), ['a.ts: connect of node:net']);
  assert.deepEqual(found("import net from 'node:net'; const all = net;"), ['a.ts: * of node:net']);
  assert.deepEqual(found("import net from 'node:net'; new net.Socket();"), ['a.ts: new Socket of node:net']);
  assert.deepEqual(found("const n = await import('node:dgram');"), ['a.ts: * of node:dgram']);
  assert.deepEqual(found("await fetch('http://a');"), ['a.ts: fetch']);
  assert.deepEqual(found("import type { Socket } from 'node:net';"), []);
});
