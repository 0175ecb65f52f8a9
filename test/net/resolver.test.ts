import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EgressError } from '../../proxy/core/reasons.js';
import { TABLE_ALONE } from '../../proxy/core/special-purpose.js';
import { type DnsName, parseDnsName } from '../../proxy/core/target.js';
import { createResolver, type Resolver } from '../../proxy/net/resolver.js';
import { type FakeDns, type Script, startFakeDns, table } from '../http/fake-dns.js';

const REFUSED = 5;
const never = new AbortController().signal;
setMaxListeners(0, never);

function name(text: string): DnsName {
  const parsed = parseDnsName(text);
  assert.ok(parsed);
  return parsed;
}

async function withDns(
  script: Script,
  run: (resolver: Resolver, dns: FakeDns) => Promise<void>,
  timeoutMs = 60_000,
): Promise<void> {
  const dns = await startFakeDns(script);
  try {
    await run(
      createResolver({ here: () => TABLE_ALONE, servers: [dns.server], timeoutMs, hostsPath: '/nonexistent' }),
      dns,
    );
  } finally {
    await dns.close();
  }
}

async function texts(resolver: Resolver, host: string): Promise<string[]> {
  return (await resolver.resolve(name(host), never)).map(({ text }) => text).sort();
}

/** A server is silent until `release`, however long that takes. */
function gate(): { readonly after: Promise<void>; release(): void } {
  let release = (): void => undefined;
  const after = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { after, release: () => release() };
}

function questions(dns: FakeDns): string[] {
  return dns.asked.map(({ type, name: asked }) => `${type} ${asked}`).sort();
}

function failsWith(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof EgressError && error.reason === reason;
}

test('A and AAAA are asked together and answered together', () =>
  withDns(table({ 'both.test': ['8.8.8.8', '2001:4860:4860::8888'] }), async (resolver, dns) => {
    assert.deepEqual(await texts(resolver, 'both.test'), ['2001:4860:4860::8888', '8.8.8.8']);
    assert.deepEqual(questions(dns), ['A both.test', 'AAAA both.test']);
  }));

test('what has been asked for is known without asking again, and a failure only to whoever asks', () =>
  withDns(table({ 'a.test': ['8.8.8.8'] }), async (resolver, dns) => {
    const known = (host: string) => resolver.known?.(name(host))?.map(({ text }) => text) ?? null;
    assert.equal(known('a.test'), null);
    assert.deepEqual(known('below.localhost'), ['127.0.0.1']);
    await texts(resolver, 'a.test');
    await assert.rejects(texts(resolver, 'b.test'), failsWith('name-not-found'));
    const asked = dns.asked.length;
    assert.deepEqual(known('a.test'), ['8.8.8.8']);
    assert.equal(known('b.test'), null);
    await assert.rejects(texts(resolver, 'b.test'), failsWith('name-not-found'));
    assert.equal(dns.asked.length, asked);
  }));

test('the file of hosts is known without asking, but for localhost', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hosts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const hostsPath = join(folder, 'hosts');
  writeFileSync(hostsPath, '192.168.1.7 printer localhost\n');
  const resolver = createResolver({ here: () => TABLE_ALONE, servers: ['192.0.2.53'], timeoutMs: 60_000, hostsPath });
  assert.equal(resolver.known?.(name('printer'))?.[0]?.text, '192.168.1.7');
  assert.equal(resolver.known?.(name('localhost'))?.[0]?.text, '127.0.0.1');
});

test('a CNAME chain ends in the addresses at its end', () =>
  withDns(
    ({ name: asked, type }) =>
      type === 'A'
        ? {
            answers: [
              { name: asked, type: 'CNAME', ttl: 60, data: 'hop.test' },
              { name: 'hop.test', type: 'CNAME', ttl: 60, data: 'end.test' },
              { name: 'end.test', type: 'A', ttl: 60, data: '10.1.2.3' },
            ],
          }
        : {},
    async (resolver) => assert.deepEqual(await texts(resolver, 'chain.test'), ['10.1.2.3']),
  ));

test('a truncated answer is asked for again over TCP', () => {
  const many = Array.from({ length: 60 }, (_, i) => `8.8.${i}.8`);
  const large = table({ 'large.test': many });
  return withDns(
    (asked) => (asked.over === 'udp' ? { truncated: true } : large(asked)),
    async (resolver) => assert.equal((await texts(resolver, 'large.test')).length, 60),
  );
});

test('a cached answer is not asked for again, and a query in flight is shared', () =>
  withDns(table({ 'cached.test': ['8.8.8.8'] }), async (resolver, dns) => {
    await Promise.all([texts(resolver, 'cached.test'), texts(resolver, 'cached.test')]);
    await texts(resolver, 'cached.test');
    assert.equal(dns.asked.length, 2);
  }));

test('a name that does not exist, or has no address, is not found, and is remembered as such', () =>
  withDns(table({ 'empty.test': [] }), async (resolver, dns) => {
    await assert.rejects(texts(resolver, 'missing.test'), failsWith('name-not-found'));
    await assert.rejects(texts(resolver, 'empty.test'), failsWith('name-not-found'));
    const asked = dns.asked.length;
    await assert.rejects(texts(resolver, 'missing.test'), failsWith('name-not-found'));
    assert.equal(dns.asked.length, asked);
  }));

test('an answer of SERVFAIL or REFUSED is a failure of DNS', () =>
  withDns(
    () => ({ rcode: REFUSED }),
    async (resolver) => {
      await assert.rejects(texts(resolver, 'refused.test'), failsWith('dns-failed'));
    },
  ));

test('a server that stays silent ends at the deadline', () =>
  withDns(
    () => ({ silent: true }),
    async (resolver) => {
      await assert.rejects(texts(resolver, 'silent.test'), failsWith('dns-timeout'));
    },
    300,
  ));

test('a silent AAAA server does not take the A answer with it', () =>
  withDns(
    (asked) => (asked.type === 'AAAA' ? { silent: true } : table({ 'half.test': ['8.8.8.8'] })(asked)),
    async (resolver) => assert.deepEqual(await texts(resolver, 'half.test'), ['8.8.8.8']),
  ));

test('a zone that is silent does not hold up a name of another one', async () => {
  const { after, release } = gate();
  await withDns(
    (asked) => (asked.name.endsWith('.dead.test') ? { after } : table({ 'alive.test': ['8.8.8.8'] })(asked)),
    async (resolver) => {
      const dead = Array.from({ length: 200 }, (_, i) => texts(resolver, `n${i}.dead.test`));
      const first = await Promise.race([texts(resolver, 'alive.test'), ...dead.map((one) => one.catch(() => 'dead'))]);
      assert.deepEqual(first, ['8.8.8.8']);
      release();
      await Promise.allSettled(dead);
    },
  );
});

test('a tool that makes up names in many silent zones does not hold up another one', async () => {
  const { after, release } = gate();
  await withDns(
    (asked) => (asked.name.startsWith('r') ? { after } : table({ 'alive.test': ['8.8.8.8'] })(asked)),
    async (resolver, dns) => {
      const flood = Array.from({ length: 300 }, (_, i) =>
        resolver.resolve(name(`r${i}.zone${i % 50}.test`), never, 'flooding'),
      );
      const settled = Promise.allSettled(flood);
      const alive = (await resolver.resolve(name('alive.test'), never, 'other')).map(({ text }) => text);
      assert.deepEqual(alive, ['8.8.8.8']);
      assert.ok(new Set(dns.asked.map((asked) => asked.name)).size <= 129, 'half of 256, and one');
      release();
      const reasons = (await settled).map((one) => one.status === 'rejected' && one.reason.reason);
      assert.deepEqual(new Set(reasons), new Set(['name-not-found']));
    },
  );
});

test('one tool that has too many names waiting is busy, and no other one', () =>
  withDns(
    () => ({ silent: true }),
    async (resolver) => {
      const names = Array.from({ length: 1500 }, (_, i) => name(`r${i}.zone${i}.test`));
      const settled = await Promise.allSettled([
        ...names.map((one) => resolver.resolve(one, never, 'one')),
        resolver.resolve(name('other.test'), never, 'two'),
      ]);
      const reasons = settled.map((one) => (one.status === 'rejected' ? one.reason.reason : ''));
      assert.ok(reasons.slice(0, -1).includes('busy'));
      assert.equal(reasons.at(-1), 'dns-timeout');
    },
    300,
  ));

test('a caller that gives up is answered at once, and the query goes on for the others', () =>
  withDns(
    (asked) => ({ ...table({ 'slow.test': ['8.8.8.8'] })(asked), delayMs: 50 }),
    async (resolver, dns) => {
      const impatient = new AbortController();
      const first = resolver.resolve(name('slow.test'), impatient.signal);
      const second = texts(resolver, 'slow.test');
      impatient.abort();
      await assert.rejects(first, failsWith('client-closed'));
      assert.deepEqual(await second, ['8.8.8.8']);
      assert.deepEqual(new Set(questions(dns)), new Set(['A slow.test', 'AAAA slow.test']));
    },
  ));

test('localhost is loopback without a query (RFC 6761)', () =>
  withDns(table({}), async (resolver, dns) => {
    assert.deepEqual(await texts(resolver, 'localhost'), ['127.0.0.1']);
    assert.deepEqual(await texts(resolver, 'a.localhost'), ['127.0.0.1']);
    assert.deepEqual(dns.asked, []);
  }));

test('no search domain is ever appended', () =>
  withDns(table({}), async (resolver, dns) => {
    await assert.rejects(texts(resolver, 'single'), failsWith('name-not-found'));
    assert.deepEqual(questions(dns), ['A single', 'AAAA single']);
  }));
