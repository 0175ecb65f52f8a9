import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { encodeQuery, nameKey, type ReadReply, readReply, textOfKey } from '../../proxy/net/dns-message.js';

const query = encodeQuery({ name: 'asked.test', type: 'A' }, 'plain');

/** The query as the beginning of its answer, with `count` records in `records`. */
function answer(count: number, records: Buffer, { flags = 0x8180 } = {}): Buffer {
  const head = Buffer.from(query);
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(count, 6);
  return Buffer.concat([head, records]);
}

function record(owner: readonly number[], type: number, data: readonly number[]): number[] {
  return [...owner, 0, type, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255, ...data];
}

function recordsOf(reply: ReadReply): readonly unknown[] {
  assert.ok(typeof reply !== 'string', String(reply));
  return reply.records;
}

const ASKED = [0xc0, 12];

test('an address record is read with its owner and time', () => {
  const [read] = recordsOf(readReply(answer(1, Buffer.from(record(ASKED, 1, [8, 8, 4, 4]))), query, 'exact'));
  assert.deepEqual(read, {
    owner: nameKey('asked.test'),
    ttl: 60,
    data: { kind: 'A', address: { family: 4, bytes: [8, 8, 4, 4], text: '8.8.4.4' } },
  });
});

test('a message of another id is foreign; one without the question, or that is no response, is doubtful', () => {
  const other = Buffer.from(answer(0, Buffer.alloc(0)));
  other.writeUInt16BE(query.readUInt16BE() ^ 1);
  assert.equal(readReply(other, query, 'exact'), 'foreign');
  assert.equal(readReply(Buffer.alloc(3), query, 'exact'), 'foreign');
  assert.equal(readReply(query, query, 'exact'), 'doubtful');
  const withoutQuestion = Buffer.from(answer(0, Buffer.alloc(0)));
  withoutQuestion.writeUInt16BE(0, 4);
  assert.equal(readReply(withoutQuestion, query, 'exact'), 'doubtful');
  assert.equal(readReply(answer(0, Buffer.alloc(0)).subarray(0, -1), query, 'exact'), 'doubtful');
});

for (const [what, bytes] of [
  ['a pointer to itself', record([0xc0, query.length], 1, [8, 8, 8, 8])],
  ['a pointer forwards', record([0xc0, query.length + 8], 1, [8, 8, 8, 8])],
  ['a pointer past the end', record([0xff, 0xff], 1, [8, 8, 8, 8])],
  ['a label of an unknown kind', record([0x80, 1], 1, [8, 8, 8, 8])],
  ['a label past the end', [63, 1, 2, 3]],
  ['half a pointer', [0xc0]],
  ['an A record of 16 octets', record(ASKED, 1, Array(16).fill(1))],
  ['an AAAA record of 4 octets', record(ASKED, 28, [8, 8, 8, 8])],
  ['a CNAME that ends before its data', record(ASKED, 5, [1, 97, 0, 0])],
  ['data past the end', record(ASKED, 1, [8, 8, 8, 8]).slice(0, -1)],
  [
    'a name of more than 255 octets',
    record(
      [
        ...Array(5)
          .fill([63, ...Array(63).fill(97)])
          .flat(),
        0,
      ],
      1,
      [8, 8, 8, 8],
    ),
  ],
] as const) {
  test(`an answer with ${what} is doubtful`, () => {
    assert.equal(readReply(answer(1, Buffer.from(bytes)), query, 'exact'), 'doubtful');
  });
}

test('records of other types and classes are stepped over', () => {
  const chaos = record(ASKED, 1, [8, 8, 8, 8]);
  chaos[5] = 3;
  const bytes = Buffer.from([...record(ASKED, 16, [3, 97, 98, 99]), ...chaos, ...record(ASKED, 1, [8, 8, 8, 8])]);
  assert.equal(recordsOf(readReply(answer(3, bytes), query, 'exact')).length, 1);
});

test('a truncated answer is reported as such, and nothing of it is read', () => {
  const reply = readReply(answer(1, Buffer.from([1]), { flags: 0x8380 }), query, 'exact');
  assert.deepEqual(reply, { rcode: 0, truncated: true, records: [] });
});

test('a name with a dot inside a label is not turned into text', () => {
  assert.equal(textOfKey('\u0003a.b\u0004test'), null);
  assert.equal(textOfKey(nameKey('a.b.test')), 'a.b.test');
});

/** Each of `depth` pointers leads to the one before; the last of them is the owner of `count` records. */
function chainOfPointers(depth: number, count: number): Buffer {
  const start = query.length + 12;
  const chain = Array.from({ length: depth }, (_, i) => pointerTo(i === 0 ? 12 : start + (i - 1) * 2)).flat();
  const owner = pointerTo(start + (depth - 1) * 2);
  const records = Array.from({ length: count }, () => record(owner, 1, [8, 8, 8, 8]));
  return answer(count + 1, Buffer.from([...record(ASKED, 16, chain), ...records.flat()]));
}

function pointerTo(offset: number): number[] {
  return [0xc0 | (offset >> 8), offset & 255];
}

/** How often an octet of the message is looked at. */
function stepsFor(message: Buffer): number {
  let steps = 0;
  const watched = new Proxy(message, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) steps += 1;
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  readReply(watched, query, 'exact');
  return steps;
}

test('chains of pointers cost a bounded number of steps, however many records begin with them', () => {
  const [one, two, four] = [1000, 2000, 4000].map((count) => stepsFor(chainOfPointers(100, count)));
  assert.deepEqual([two, four], [one, one]);
  assert.equal(readReply(chainOfPointers(100, 1), query, 'exact') === 'doubtful', false);
  assert.equal(readReply(chainOfPointers(4000, 1), query, 'exact'), 'doubtful');
});

test('the query is one that dns-packet reads, with EDNS where it is asked for', () => {
  const { questions, additionals } = dnsPacket.decode(encodeQuery({ name: 'asked.test', type: 'AAAA' }, 'edns'));
  assert.equal(questions?.[0]?.name.toLowerCase(), 'asked.test');
  assert.deepEqual([questions?.[0]?.type, additionals?.[0]?.type], ['AAAA', 'OPT']);
  assert.equal(dnsPacket.decode(query).additionals?.length, 0);
});
