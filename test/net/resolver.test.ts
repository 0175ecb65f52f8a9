import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DnsName, parseDnsName } from '../../proxy/core/host-pattern.js';
import { EgressError } from '../../proxy/core/reasons.js';
import { createResolver, type Resolver } from '../../proxy/net/resolver.js';
import { type FakeDns, type Script, startFakeDns, zone } from './fake-dns.js';

const never = new AbortController().signal;

function name(text: string): DnsName {
  const parsed = parseDnsName(text);
  assert.ok(parsed);
  return parsed;
}

async function withDns(
  script: Script,
  run: (resolver: Resolver, dns: FakeDns) => Promise<void>,
  timeoutMs = 2000,
): Promise<void> {
  const dns = await startFakeDns(script);
  try {
    await run(createResolver({ servers: [dns.server], timeoutMs, hostsPath: '/nonexistent' }), dns);
  } finally {
    await dns.close();
  }
}

async function texts(resolver: Resolver, host: string): Promise<string[]> {
  return (await resolver.resolve(name(host), never)).map(({ text }) => text).sort();
}

function failsWith(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof EgressError && error.reason === reason;
}

test('A and AAAA are asked together and answered together', () =>
  withDns(zone({ 'both.test': ['8.8.8.8', '2001:4860:4860::8888'] }), async (resolver, dns) => {
    assert.deepEqual(await texts(resolver, 'both.test'), ['2001:4860:4860::8888', '8.8.8.8']);
    assert.deepEqual(dns.asked.sort(), ['A both.test', 'AAAA both.test']);
  }));

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
  const table = zone({ 'large.test': many });
  return withDns(
    (question, transport) => (transport === 'udp' ? { truncated: true } : table(question, transport)),
    async (resolver) => assert.equal((await texts(resolver, 'large.test')).length, 60),
  );
});

test('a cached answer is not asked for again, and a query in flight is shared', () =>
  withDns(zone({ 'cached.test': ['8.8.8.8'] }), async (resolver, dns) => {
    await Promise.all([texts(resolver, 'cached.test'), texts(resolver, 'cached.test')]);
    await texts(resolver, 'cached.test');
    assert.equal(dns.asked.length, 2);
  }));

test('a name that does not exist, or has no address, is not found, and is remembered as such', () =>
  withDns(zone({ 'empty.test': [] }), async (resolver, dns) => {
    await assert.rejects(texts(resolver, 'missing.test'), failsWith('name-not-found'));
    await assert.rejects(texts(resolver, 'empty.test'), failsWith('name-not-found'));
    const asked = dns.asked.length;
    await assert.rejects(texts(resolver, 'missing.test'), failsWith('name-not-found'));
    assert.equal(dns.asked.length, asked);
  }));

test('an answer of SERVFAIL or REFUSED is a failure of DNS', () =>
  withDns(
    () => ({ rcode: 'REFUSED' }),
    async (resolver) => {
      await assert.rejects(texts(resolver, 'refused.test'), failsWith('dns-failed'));
    },
  ));

test('a server that stays silent ends at the deadline', () =>
  withDns(
    () => 'silence',
    async (resolver) => {
      await assert.rejects(texts(resolver, 'silent.test'), failsWith('dns-timeout'));
    },
    300,
  ));

test('a silent AAAA server does not take the A answer with it', () =>
  withDns(
    (question, transport) =>
      question.type === 'AAAA' ? 'silence' : zone({ 'half.test': ['8.8.8.8'] })(question, transport),
    async (resolver) => assert.deepEqual(await texts(resolver, 'half.test'), ['8.8.8.8']),
  ));

test('a zone that is silent does not hold up a name of another one', () =>
  withDns(
    (question, transport) =>
      question.name.endsWith('.dead.test') ? 'silence' : zone({ 'alive.test': ['8.8.8.8'] })(question, transport),
    async (resolver) => {
      const dead = Array.from({ length: 200 }, (_, i) => texts(resolver, `n${i}.dead.test`));
      const first = await Promise.race([texts(resolver, 'alive.test'), ...dead.map((one) => one.catch(() => 'dead'))]);
      assert.deepEqual(first, ['8.8.8.8']);
      await Promise.allSettled(dead);
    },
    1000,
  ));

test('a caller that gives up is answered at once, and the query goes on for the others', () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return withDns(
    async (question, transport) => {
      await held;
      const answer = await zone({ 'slow.test': ['8.8.8.8'] })(question, transport);
      return answer === 'silence' ? {} : answer;
    },
    async (resolver) => {
      const impatient = new AbortController();
      const first = resolver.resolve(name('slow.test'), impatient.signal);
      const second = texts(resolver, 'slow.test');
      impatient.abort();
      await assert.rejects(first, failsWith('client-closed'));
      release();
      assert.deepEqual(await second, ['8.8.8.8']);
    },
  );
});

test('localhost is loopback without a query (RFC 6761)', () =>
  withDns(zone({}), async (resolver, dns) => {
    assert.deepEqual(await texts(resolver, 'localhost'), ['127.0.0.1']);
    assert.deepEqual(await texts(resolver, 'a.localhost'), ['127.0.0.1']);
    assert.deepEqual(dns.asked, []);
  }));

test('no search domain is ever appended', () =>
  withDns(zone({}), async (resolver, dns) => {
    await assert.rejects(texts(resolver, 'single'), failsWith('name-not-found'));
    assert.deepEqual(dns.asked.sort(), ['A single', 'AAAA single']);
  }));
