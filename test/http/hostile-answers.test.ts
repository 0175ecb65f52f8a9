import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RANGE_EDGES } from '../core/range-edges.js';
import { listenTo } from './conversation.js';
import { createCountingDialer } from './counting-dialer.js';
import { type Asked, type Reply, type Script, table } from './fake-dns.js';
import { type ProxyOptions, type RunningProxy, startProxy } from './start-proxy.js';

const PUBLIC = '93.184.215.14';

/** Status line of a CONNECT, on a connection of its own. */
async function connect(proxy: RunningProxy, authority: string): Promise<string> {
  const socket = await proxy.connect();
  const conversation = listenTo(socket);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  await conversation.until(({ ended }) => ended);
  socket.destroy();
  return conversation.heard.text.split('\r\n', 1)[0] ?? '';
}

async function withProxy(
  options: Omit<ProxyOptions, 'dialer'>,
  work: (proxy: RunningProxy, dials: () => string[][]) => Promise<void>,
): Promise<void> {
  const dialer = createCountingDialer();
  const proxy = await startProxy({ config: { policy: { default: 'public' } }, ...options, dialer });
  try {
    await work(proxy, () => dialer.permits.map(({ addresses }) => addresses.map(({ text }) => text)));
    assert.deepEqual(proxy.defects, []);
  } finally {
    await proxy.stop();
  }
}

const address = (name: string, type: 'A' | 'AAAA', data: string, ttl = 60) => ({ type, name, data, ttl });

test('a name that resolves to any special address is denied without a dial', async () => {
  const edges = [...new Set(RANGE_EDGES.flatMap(([, first, last]) => [first, last]))];
  const names = Object.fromEntries(edges.map((text, i) => [`n${i}.example`, [text]]));
  await withProxy({ dns: table(names) }, async (proxy, dials) => {
    for (const name of Object.keys(names)) {
      const line = await connect(proxy, `${name}:443`);
      assert.match(
        line,
        /^HTTP\/1\.1 403 Egress denied: (address-prohibited|metadata-address) /,
        `${names[name]}: ${line}`,
      );
    }
    assert.deepEqual(dials(), []);
    assert.equal(proxy.decisions.length, edges.length);
  });
});

test('an answer that mixes public and special addresses is denied whole, whatever the order and the family', async () => {
  const mixes = [
    [PUBLIC, '10.0.0.1'],
    ['10.0.0.1', PUBLIC],
    [PUBLIC, 'fd00::1'],
    ['2606:4700::1', '127.0.0.1'],
    [PUBLIC, '169.254.169.254'],
    [PUBLIC, '::ffff:10.0.0.1'],
    [PUBLIC, '64:ff9b::a9fe:a9fe'],
    ['1.1.1.1', '8.8.8.8', '9.9.9.9', '168.63.129.16'],
  ];
  const names = Object.fromEntries(mixes.map((addresses, i) => [`m${i}.example`, addresses]));
  await withProxy({ dns: table(names) }, async (proxy, dials) => {
    for (const name of Object.keys(names))
      assert.match(await connect(proxy, `${name}:443`), /403 Egress denied: mixed-answer/, `${names[name]}`);
    assert.deepEqual(dials(), []);
  });
});

test('a name that is rebound between two queries is judged again, and only what was vetted is dialled', async () => {
  const dns: Script = ({ name, type, before }) => ({
    answers: type === 'A' ? [address(name, type, before === 0 ? PUBLIC : '169.254.169.254', 0)] : [],
  });
  await withProxy({ dns }, async (proxy, dials) => {
    assert.match(await connect(proxy, 'a.example:80'), /502 Egress failed: connect-refused/);
    assert.deepEqual(dials(), [[PUBLIC]]);
    const again = await until(proxy, 'a.example:80', /metadata-address/);
    assert.match(again, /403 Egress denied: metadata-address/);
    assert.ok(dials().every((addresses) => addresses.join() === PUBLIC));
  });
});

test('between the check and the dial there is no query: one of each family serves both', async () => {
  const dns: Script = ({ name, type, before }) => ({
    answers: type === 'A' ? [address(name, type, before === 0 ? PUBLIC : '127.0.0.1', 0)] : [],
  });
  await withProxy({ dns }, async (proxy, dials) => {
    await connect(proxy, 'a.example:80');
    assert.deepEqual(dials(), [[PUBLIC]]);
    assert.deepEqual(proxy.dns.asked.map(({ type }) => type).toSorted(), ['A', 'AAAA']);
  });
});

for (const first of ['A', 'AAAA'] as const) {
  test(`one family public and the other private is a mixed answer where ${first} comes first`, async () => {
    const { after, release } = gate();
    const dns: Script = ({ name, type }) => {
      if (type === first) release();
      const answers = type === 'A' ? [address(name, 'A', PUBLIC)] : [address(name, 'AAAA', 'fd00::1')];
      return { answers, ...(type === first ? {} : { after }) };
    };
    await withProxy({ dns }, async (proxy, dials) => {
      assert.match(await connect(proxy, 'a.example:80'), /403 Egress denied: mixed-answer/);
      assert.deepEqual(dials(), []);
    });
  });
}

test('a CNAME into a private or special name is judged by the addresses at its end', async () => {
  const cname = (name: string, data: string) => ({ type: 'CNAME' as const, name, data, ttl: 60 });
  const chains: Readonly<Record<string, (asked: Asked) => Reply>> = {
    'inner.example': () => ({ answers: [cname('inner.example', 'n8n'), address('n8n', 'A', '172.18.0.4')] }),
    'meta.example': () => ({
      answers: [
        cname('meta.example', 'metadata.google.internal'),
        address('metadata.google.internal', 'A', '169.254.169.254'),
      ],
    }),
    'local.example': () => ({ answers: [cname('local.example', 'localhost'), address('localhost', 'A', '127.0.0.1')] }),
    'public.example': () => ({ answers: [cname('public.example', 'b.example'), address('b.example', 'A', PUBLIC)] }),
  };
  const dns: Script = (asked) => (asked.type === 'A' ? (chains[asked.name]?.(asked) ?? {}) : {});
  await withProxy({ dns }, async (proxy, dials) => {
    assert.match(await connect(proxy, 'inner.example:80'), /403 Egress denied: address-prohibited/);
    assert.match(await connect(proxy, 'meta.example:80'), /403 Egress denied: metadata-address/);
    assert.match(await connect(proxy, 'local.example:80'), /403 Egress denied: address-prohibited/);
    assert.deepEqual(dials(), []);
    assert.match(await connect(proxy, 'public.example:80'), /502 Egress failed: connect-refused/);
    assert.deepEqual(dials(), [[PUBLIC]]);
  });
});

test('localhost is loopback whatever DNS says, where an exception lets it be asked for at all', async () => {
  const policy = { default: 'public', internal: [{ address: '127.0.0.1/32', ports: [8080] }] };
  await withProxy({ dns: table({ localhost: [PUBLIC] }), config: { policy } }, async (proxy, dials) => {
    assert.match(await connect(proxy, 'localhost:80'), /403 Egress denied: address-prohibited/);
    assert.match(await connect(proxy, 'localhost:8080'), /502 Egress failed: connect-refused/);
    assert.deepEqual(dials(), [['127.0.0.1']]);
    assert.deepEqual(proxy.dns.asked, []);
  });
});

test('failures of DNS have a reason each and dial nothing', async () => {
  const replies: Readonly<Record<string, Reply>> = {
    'nxdomain.example': { rcode: 3 },
    'empty.example': {},
    'servfail.example': { rcode: 2 },
    'refused.example': { rcode: 5 },
    'garbage.example': { raw: Buffer.from('ff00ff00ff00ff00ff00ff00', 'hex') },
  };
  const expected: Readonly<Record<string, RegExp>> = {
    'nxdomain.example': /^HTTP\/1\.1 502 Egress failed: name-not-found/,
    'empty.example': /^HTTP\/1\.1 502 Egress failed: name-not-found/,
    'servfail.example': /^HTTP\/1\.1 502 Egress failed: dns-failed/,
    'refused.example': /^HTTP\/1\.1 502 Egress failed: dns-failed/,
    'garbage.example': /^HTTP\/1\.1 502 Egress failed: dns-failed/,
  };
  await withProxy({ dns: ({ name }) => replies[name] ?? {} }, async (proxy, dials) => {
    const lines = await Promise.all(Object.keys(replies).map((name) => connect(proxy, `${name}:443`)));
    Object.keys(replies).forEach((name, i) => {
      assert.match(lines[i] ?? '', expected[name] ?? /$^/);
    });
    assert.deepEqual(dials(), []);
  });
});

test('a server that stays silent is a failure, and dials nothing', async () => {
  await withProxy({ dns: () => ({ silent: true }), dnsTimeout: '1s' }, async (proxy, dials) => {
    assert.match(await connect(proxy, 'silent.example:443'), /^HTTP\/1\.1 504 Egress failed: dns-timeout/);
    assert.deepEqual(dials(), []);
  });
});

test('an answer that cannot be read is the failure of its own name only', async () => {
  const { after, release } = gate();
  const dns: Script = ({ name, type }) => {
    if (name === 'garbage.example') return { raw: Buffer.from('ff00ff00ff00ff00ff00ff00', 'hex') };
    return { answers: type === 'A' ? [address(name, type, PUBLIC)] : [], after };
  };
  await withProxy({ dns }, async (proxy, dials) => {
    const waiting = ['a', 'b', 'c'].map((label) => connect(proxy, `${label}.other.example:443`));
    assert.match(await connect(proxy, 'garbage.example:443'), /502 Egress failed: dns-failed/);
    release();
    for (const line of await Promise.all(waiting)) assert.match(line, /502 Egress failed: connect-refused/);
    assert.equal(dials().length, 3);
  });
});

test('a truncated answer is asked for again over TCP, and judged by what comes there', async () => {
  const dns: Script = ({ name, type, over }) => {
    if (type !== 'A') return {};
    if (over === 'udp') return { truncated: true, answers: [address(name, 'A', PUBLIC)] };
    return { answers: [address(name, 'A', PUBLIC), address(name, 'A', '10.0.0.1')] };
  };
  await withProxy({ dns }, async (proxy, dials) => {
    assert.match(await connect(proxy, 'a.example:443'), /403 Egress denied: mixed-answer/);
    assert.deepEqual(dials(), []);
    assert.ok(proxy.dns.asked.some(({ over }) => over === 'tcp'));
  });
});

test('a silent server for one zone does not hold up another name', async () => {
  const { after, release } = gate();
  const dns: Script = ({ name, type }) => {
    if (name.endsWith('.dead.example')) return { after };
    return { answers: type === 'A' ? [address(name, 'A', PUBLIC)] : [] };
  };
  await withProxy({ dns }, async (proxy, dials) => {
    const dead = Array.from({ length: 64 }, (_, i) => connect(proxy, `n${i}.dead.example:443`));
    const winner = await Promise.race([Promise.any(dead), connect(proxy, 'alive.example:443')]);
    assert.match(winner, /502 Egress failed: connect-refused alive\.example/);
    assert.equal(dials().length, 1);
    release();
    assert.ok((await Promise.all(dead)).every((line) => line.includes('name-not-found')));
  });
});

/** What is answered `after` it waits until `release`, however long that takes. */
function gate(): { readonly after: Promise<void>; release(): void } {
  let release = (): void => undefined;
  const after = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { after, release: () => release() };
}

/** Asks until an answer matches: the cache keeps each one for a second at least. */
async function until(proxy: RunningProxy, authority: string, pattern: RegExp): Promise<string> {
  for (;;) {
    const line = await connect(proxy, authority);
    if (pattern.test(line)) return line;
  }
}
