import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REASONS } from '../../proxy/core/reasons.js';
import type { DecisionRecord } from '../../proxy/observe/record.js';
import { listenTo } from './conversation.js';
import { createCountingDialer } from './counting-dialer.js';
import { HOSTILE_TARGETS, type HostileTarget } from './hostile-targets.js';
import { type OrdinaryTarget, PUBLIC_TARGETS } from './public-targets.js';
import { parseResponses } from './responses.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

/** Sends one request over a connection of its own; `closes` asks for it to end with the answer. */
async function ask(proxy: RunningProxy, { form, target }: OrdinaryTarget): Promise<{ status: number; text: string }> {
  const host = /^[\x21-\x7e]+$/.test(target) && form === 'authority' ? target : 'h.example';
  const line = `${form === 'authority' ? 'CONNECT' : 'GET'} ${target} HTTP/1.1`;
  const socket = await proxy.connect();
  const conversation = listenTo(socket);
  socket.write(`${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await conversation.until(({ ended }) => ended);
  socket.destroy();
  const { text } = conversation.heard;
  return { status: parseResponses(text, true).responses[0]?.status ?? 0, text };
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

function bodyOf(text: string): { reason?: unknown; id?: unknown } {
  const start = text.indexOf('\r\n\r\n');
  const parsed: unknown = start === -1 ? {} : JSON.parse(text.slice(start + 4) || '{}');
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

test('every hostile target is refused over the wire: no dial, no DNS query, one record each', async () => {
  const dialer = createCountingDialer();
  const proxy = await startProxy({ dialer, config: { policy: { default: 'public' }, limits: LIMITS } });
  try {
    await inBatches(ON_THE_WIRE, async (hostile) => assertRefused(hostile, await ask(proxy, hostile)));
    assert.equal(dialer.permits.length, 0);
    assert.deepEqual(proxy.dns.asked, []);
    assert.equal(proxy.decisions.length, ON_THE_WIRE.length);
    assert.ok(proxy.decisions.every(({ outcome, dialed }) => outcome === 'deny' && dialed === null));
    assert.deepEqual(proxy.defects, []);
  } finally {
    await proxy.stop();
  }
});

test('no ordinary target is refused: each one is dialled, at the addresses that DNS gave', async () => {
  const dialer = createCountingDialer();
  const dns = ({ name, type }: { name: string; type: string }) => ({
    answers: type === 'A' ? [{ type: 'A' as const, name, data: '93.184.215.14', ttl: 60 }] : [],
  });
  const proxy = await startProxy({ dialer, dns, config: { policy: { default: 'public' }, limits: LIMITS } });
  try {
    await inBatches(PUBLIC_TARGETS, async (ordinary) => {
      const { status, text } = await ask(proxy, ordinary);
      assert.equal(status, REASONS['connect-refused'].status, `${ordinary.target}: ${text}`);
    });
    assert.equal(dialer.permits.length, PUBLIC_TARGETS.length);
    const denied = proxy.decisions.filter(({ outcome }: DecisionRecord) => outcome === 'deny');
    assert.deepEqual(denied, []);
  } finally {
    await proxy.stop();
  }
});

/** A second space after the method is no part of the target: Node's parser takes words (RFC 9112 section 3). */
const ON_THE_WIRE = HOSTILE_TARGETS.filter(({ target }) => !target.startsWith(' '));

const LIMITS = { drainTimeout: '1s' };

function assertRefused({ target, reasons }: HostileTarget, { status, text }: { status: number; text: string }): void {
  const shown = JSON.stringify(target);
  const { reason } = bodyOf(text);
  // What is no request-target is often no request either, and Node's parser says so first.
  const right: readonly unknown[] = reasons.includes('malformed-target') ? [...reasons, 'malformed-request'] : reasons;
  assert.ok(right.includes(reason), `${shown}: ${reason}, not ${right.join(' or ')}: ${text}`);
  const known = Object.entries(REASONS).find(([token]) => token === reason)?.[1];
  assert.equal(status, known?.status, shown);
  assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} Egress denied: ${reason}`), shown);
  assert.match(text, new RegExp(`\r\nProxy-Status: mcp-egress-proxy; error=${known?.error}; details="${reason}"\r\n`));
}
