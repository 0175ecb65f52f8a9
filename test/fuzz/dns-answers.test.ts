import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from 'dns-packet';
import fc from 'fast-check';
import { parseAddress } from '../../proxy/core/address.js';
import { encodeQuery, readReply } from '../../proxy/net/dns-message.js';
import { listenTo } from '../http/conversation.js';
import { createCountingDialer } from '../http/counting-dialer.js';
import type { Asked, Reply } from '../http/fake-dns.js';
import { startProxy } from '../http/start-proxy.js';
import { anyAddress, isProhibited } from './oracle.js';
import { fuzzer } from './settings.js';

const { fuzz, note } = fuzzer();

/** What the server says for one name; `owner` puts the records under another name than the one that was asked for. */
interface Scripted {
  readonly addresses: readonly string[];
  readonly cname: string | null;
  readonly rcode: number;
  readonly truncated: boolean;
  readonly ttl: number;
  readonly raw: Uint8Array | null;
  readonly guesses: number;
  readonly lowersCase: boolean;
}

const scripted: fc.Arbitrary<Scripted> = fc.record({
  addresses: fc.array(anyAddress(), { maxLength: 5 }),
  cname: fc.option(fc.constantFrom('localhost', 'metadata.google.internal', 'b.example', 'n8n')),
  rcode: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(15) }),
  truncated: fc.boolean(),
  ttl: fc.constantFrom(0, 1, 60, 2 ** 31 - 1),
  // Seldom, since what is no answer at all is waited out.
  raw: fc.oneof(
    { weight: 19, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
  ),
  guesses: fc.constantFrom(0, 0, 0, 3, 20),
  lowersCase: fc.boolean(),
});

function replyTo({ name, type, over }: Asked, script: Scripted): Reply {
  const { addresses, cname, rcode, truncated, ttl, raw, lowersCase } = script;
  const guesses = over === 'udp' ? script.guesses : 0;
  if (raw !== null) return { raw: Buffer.from(raw) };
  if (type !== 'A' && type !== 'AAAA') return {};
  const owner = cname ?? name;
  const family = addresses.filter((text) => text.includes(':') === (type === 'AAAA'));
  const chain: Answer[] = cname === null ? [] : [{ type: 'CNAME', name, data: cname, ttl }];
  const records = family.map((data): Answer => ({ type, name: owner, data, ttl }));
  return { rcode, truncated: truncated && over === 'udp', guesses, lowersCase, answers: [...chain, ...records] };
}

test(`whatever octets an answer has, it is read in bounded steps or not at all (${note})`, () => {
  const query = encodeQuery({ name: 'asked.example', type: 'A' }, 'plain');
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc
      .array(fc.constantFrom(0, 1, 4, 5, 12, 28, 63, 0xc0, 0xc1, 0xff), { maxLength: 600 })
      .map((all) => Uint8Array.from(all)),
  );
  return fuzz(
    fc.property(octets, fc.nat(0xffff), fc.nat(0xffff), (tail, flags, count) => {
      const head = Buffer.from(query);
      head.writeUInt16BE(flags, 2);
      head.writeUInt16BE(count, 6);
      const reply = readReply(Buffer.concat([head, tail]), query, 'exact');
      if (typeof reply === 'string') return;
      assert.ok(reply.records.length <= 512);
      for (const { owner, data } of reply.records) {
        assert.ok(owner.length < 255);
        if ('address' in data) assert.ok(parseAddress(data.address.text));
        else assert.ok(data.target.length < 255);
      }
    }),
  );
});

test(`whatever DNS answers, only public addresses are dialled, and none beside a special one (${note})`, async () => {
  const scripts = new Map<string, Scripted>();
  const dialer = createCountingDialer();
  const dns = (asked: Asked): Reply => {
    const script = scripts.get(asked.name);
    return script === undefined ? {} : replyTo(asked, script);
  };
  const proxy = await startProxy({ dialer, dns });
  // Octets that are no answer are waited out. Elsewhere an answer that is late would be none, and the other family alone be dialled.
  const hurried = await startProxy({ dialer, dns, dnsTimeout: '300ms' });
  let count = 0;
  try {
    await fuzz(
      fc.asyncProperty(scripted, async (script) => {
        const name = `n${count}.example`;
        count += 1;
        scripts.set(name, script);
        const dials = dialer.permits.length;
        const socket = await (script.raw === null ? proxy : hurried).connect();
        const conversation = listenTo(socket);
        socket.write(`CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n`);
        await conversation.until(({ ended }) => ended);
        socket.destroy();
        const dialed = dialer.permits.slice(dials).flatMap(({ addresses }) => addresses.map(({ text }) => text));
        assert.deepEqual(dialed.filter(isProhibited), []);
        if (script.raw === null && script.addresses.some(isProhibited) && script.rcode === 0)
          assert.deepEqual(dialed, []);
        assert.match(conversation.heard.text, /^HTTP\/1\.1 (?:403|502|504) /);
        assert.deepEqual([proxy.defects, hurried.defects], [[], []]);
      }),
    );
  } finally {
    await proxy.stop();
    await hurried.stop();
  }
});
