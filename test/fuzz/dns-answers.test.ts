import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from 'dns-packet';
import fc from 'fast-check';
import { listenTo } from '../http/conversation.js';
import { createCountingDialer } from '../http/counting-dialer.js';
import type { Asked, Reply } from '../http/fake-dns.js';
import { startProxy } from '../http/start-proxy.js';
import { anyAddress, isProhibited } from './oracle.js';
import { fuzzSettings } from './settings.js';

const { parameters, note } = fuzzSettings();

/** What the server says for one name; `owner` puts the records under another name than the one that was asked for. */
interface Scripted {
  readonly addresses: readonly string[];
  readonly cname: string | null;
  readonly rcode: number;
  readonly truncated: boolean;
  readonly ttl: number;
  readonly raw: Uint8Array | null;
}

const scripted: fc.Arbitrary<Scripted> = fc.record({
  addresses: fc.array(anyAddress(), { maxLength: 5 }),
  cname: fc.option(fc.constantFrom('localhost', 'metadata.google.internal', 'b.example', 'n8n')),
  rcode: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(15) }),
  truncated: fc.boolean(),
  ttl: fc.constantFrom(0, 1, 60, 2 ** 31 - 1),
  raw: fc.option(fc.uint8Array({ maxLength: 64 }), { freq: 20 }),
});

function replyTo({ name, type, over }: Asked, { addresses, cname, rcode, truncated, ttl, raw }: Scripted): Reply {
  if (raw !== null) return { raw: Buffer.from(raw) };
  if (type !== 'A' && type !== 'AAAA') return {};
  const owner = cname ?? name;
  const family = addresses.filter((text) => text.includes(':') === (type === 'AAAA'));
  const chain: Answer[] = cname === null ? [] : [{ type: 'CNAME', name, data: cname, ttl }];
  const records = family.map((data): Answer => ({ type, name: owner, data, ttl }));
  return { rcode, truncated: truncated && over === 'udp', answers: [...chain, ...records] };
}

test(`whatever DNS answers, only public addresses are dialled, and none beside a special one (${note})`, async () => {
  const scripts = new Map<string, Scripted>();
  const dialer = createCountingDialer();
  const proxy = await startProxy({
    dialer,
    dns: (asked) => {
      const script = scripts.get(asked.name);
      return script === undefined ? {} : replyTo(asked, script);
    },
    dnsTimeout: '300ms',
  });
  let count = 0;
  try {
    await fc.assert(
      fc.asyncProperty(scripted, async (script) => {
        const name = `n${count}.example`;
        count += 1;
        scripts.set(name, script);
        const dials = dialer.permits.length;
        const socket = await proxy.connect();
        const conversation = listenTo(socket);
        socket.write(`CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n`);
        await conversation.until(({ ended }) => ended);
        socket.destroy();
        const dialed = dialer.permits.slice(dials).flatMap(({ addresses }) => addresses.map(({ text }) => text));
        assert.deepEqual(dialed.filter(isProhibited), []);
        if (script.raw === null && script.addresses.some(isProhibited) && script.rcode === 0)
          assert.deepEqual(dialed, []);
        assert.match(conversation.heard.text, /^HTTP\/1\.1 (?:403|502|504) /);
        assert.deepEqual(proxy.defects, []);
      }),
      parameters,
    );
  } finally {
    await proxy.stop();
  }
});
