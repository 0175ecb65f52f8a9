import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket, { type DecodedPacket } from 'dns-packet';
import fc from 'fast-check';
import { addressFromBytes } from '../../proxy/core/address.js';
import type { Refusal } from '../../proxy/core/policy.js';
import { ANSWER_TTL, answerQuery, type DnsDoorPolicy, MAX_QUERY_BYTES } from '../../proxy/dns/dns-answer.js';

const DENIED: Refusal = { reason: 'host-denied', rule: 'deny[0]', what: null };
const POLICY: DnsDoorPolicy = {
  addresses: [addressFromBytes([172, 31, 250, 250])],
  isAbsent: (name) => name.endsWith('search.test'),
  decideName: (name) => (name.endsWith('denied.test') ? DENIED : null),
};

test('an A query is answered with the address on which it was asked, and nothing is recorded', () => {
  const { response, refused } = answerQuery(query('site.test'), POLICY);
  const answer = decode(response);
  assert.equal(refused, null);
  assert.equal(answer.id, 4711);
  assert.deepEqual(answer.questions, [{ name: 'site.test', type: 'A', class: 'IN' }]);
  const expected = { name: 'site.test', type: 'A', ttl: ANSWER_TTL, class: 'IN', flush: false, data: '172.31.250.250' };
  assert.deepEqual(answer.answers, [expected]);
  assert.deepEqual([answer.flag_qr, answer.flag_ra, answer.flag_rd, rcode(response)], [true, true, true, 0]);
});

test('the case of the name comes back as it was asked', () => {
  const asked = query('SiTe.TeSt');
  const { response } = answerQuery(asked, POLICY);
  assert.deepEqual(response?.subarray(12, asked.length), asked.subarray(12));
});

test('AAAA, SVCB and HTTPS get an empty answer', () => {
  for (const type of [28, 64, 65]) {
    const { response, refused } = answerQuery(query('site.test', type), POLICY);
    assert.deepEqual([rcode(response), decode(response).answers, refused], [0, [], null], `type ${type}`);
  }
});

test('a name that the policy denies does not exist, and one lookup leaves one decision', () => {
  const decisions = [1, 28, 65].map((type) => {
    const { response, refused } = answerQuery(query('a.denied.test', type), POLICY);
    assert.deepEqual([rcode(response), decode(response).answers], [3, []]);
    return refused;
  });
  assert.deepEqual(decisions, [{ host: 'a.denied.test', refusal: DENIED }, null, null]);
});

test('every other type is refused with a decision of its own', () => {
  const refusal = { reason: 'dns-type-refused', rule: null, what: null };
  for (let type = 0; type <= 300; type++) {
    if ([1, 28, 64, 65].includes(type)) continue;
    const { response, refused } = answerQuery(query('secret.attacker.test', type), POLICY);
    assert.deepEqual([rcode(response), response?.length], [5, query('secret.attacker.test').length], `type ${type}`);
    assert.deepEqual(refused, { host: 'secret.attacker.test', refusal });
  }
});

test('every class but IN is refused', () => {
  for (const klass of [0, 2, 3, 4, 254, 255, 0x8001]) {
    const { response, refused } = answerQuery(query('site.test', 1, klass), POLICY);
    assert.deepEqual([rcode(response), refused?.refusal.reason], [5, 'dns-type-refused'], `class ${klass}`);
  }
});

test('a name with octets that no host has does not exist, and its text reaches no record', () => {
  const names = [[], ['a.b', 'test'], ['a\0', 'test'], ['a b'], ['\xff\xfe', 'test'], ['"', 'test'], ['a\n']];
  for (const labels of names) {
    const { response, refused } = answerQuery(message(labels), POLICY);
    assert.equal(rcode(response), 3, JSON.stringify(labels));
    assert.deepEqual(refused, { host: null, refusal: { reason: 'malformed-target', rule: null, what: null } });
  }
});

test('a query with OPT is answered with OPT, and its options do not come back', () => {
  const asked = dnsPacket.encode({
    type: 'query',
    id: 4711,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name: 'site.test', type: 'A' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 4096,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [{ code: 12, length: 64 }],
      },
    ],
  });
  const { response } = answerQuery(asked, POLICY);
  const answer = decode(response);
  assert.equal(answer.answers?.length, 1);
  assert.deepEqual(
    answer.additionals?.map((record) => record.type),
    ['OPT'],
  );
  assert.ok((response?.length ?? 0) < asked.length);
});

test('messages that are no query of one question get a bare FORMERR, and responses get silence', () => {
  const good = query('site.test');
  const malformed = {
    'a header alone': good.subarray(0, 12),
    'a cut name': good.subarray(0, 15),
    'a cut type': good.subarray(0, -3),
    'a byte too many': Buffer.concat([good, Buffer.from([0])]),
    'two questions': counted(Buffer.concat([good, good.subarray(12)]), 4, 2),
    'no question': counted(good.subarray(0, 12), 4, 0),
    '65535 questions': counted(good, 4, 65_535),
    'an answer': counted(good, 6, 1),
    'an authority': counted(good, 8, 1),
    'an additional record that is missing': counted(good, 10, 1),
    'an additional record that is no OPT': counted(
      Buffer.concat([good, Buffer.from('\0\0\x01\0\x01\0\0\0\0\0\0', 'latin1')]),
      10,
      1,
    ),
    'an OPT longer than the message': counted(
      Buffer.concat([good, Buffer.from('\0\0\x29\x04\xd0\0\0\0\0\0\x09', 'latin1')]),
      10,
      1,
    ),
    'a pointer to itself': Buffer.concat([header(), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
    'a pointer into the header': Buffer.concat([header(), Buffer.from([0xc0, 0, 0, 1, 0, 1])]),
    'two pointers in a loop': Buffer.concat([header(), Buffer.from([1, 0x61, 0xc0, 16, 0xc0, 12, 0, 1, 0, 1])]),
    'a label of a reserved type': Buffer.concat([header(), Buffer.from([0x41, 0, 0, 1, 0, 1])]),
    'a name of 256 octets': message([...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'a'.repeat(62)]),
    'a message over the limit': Buffer.concat([good, Buffer.alloc(MAX_QUERY_BYTES)]),
  };
  for (const [what, packet] of Object.entries(malformed)) {
    const { response, refused } = answerQuery(packet, POLICY);
    assert.deepEqual([response?.length, rcode(response), refused], [12, 1, null], what);
  }
  for (const packet of [Buffer.alloc(0), good.subarray(0, 11), counted(good, 2, 0x8180)])
    assert.deepEqual(answerQuery(packet, POLICY), { response: null, refused: null });
});

test('every opcode but QUERY is not implemented', () => {
  for (let opcode = 1; opcode < 16; opcode++) {
    const { response, refused } = answerQuery(counted(query('site.test'), 2, opcode << 11), POLICY);
    assert.deepEqual([response?.length, rcode(response), refused], [12, 4, null], `opcode ${opcode}`);
  }
});

test('the longest name there is, is answered in one datagram', () => {
  const labels = [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(61)];
  const { response } = answerQuery(message(labels), POLICY);
  assert.equal(decode(response).answers?.length, 1);
  assert.ok((response?.length ?? 0) <= 512);
});

test('no bytes make the door throw, answer a response, or answer with more than twice the question', () => {
  const good = [...query('some.site.test')];
  const mutated = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 })
    .map((edits) => edits.reduce((bytes, [at, value]) => bytes.with(at, value), good));
  const bytes = fc.oneof(
    mutated,
    fc.array(fc.nat(255), { maxLength: 300 }).map((tail) => [...header(), ...tail]),
  );
  fc.assert(
    fc.property(bytes, (sent) => {
      const packet = Buffer.from(sent);
      const { response } = answerQuery(packet, POLICY);
      if (response === null) return assert.ok(packet.length < 12 || packet.readUInt16BE(2) >= 0x8000);
      assert.ok(response.length <= 2 * packet.length);
      assert.equal(decode(response).flag_qr, true);
    }),
    { numRuns: Number(process.env.EGRESS_FUZZ_RUNS ?? 2000) },
  );
});

function query(name: string, type = 1, klass = 1): Buffer {
  return message(name.split('.'), type, klass);
}

function message(labels: readonly string[], type = 1, klass = 1): Buffer {
  const name = labels.map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')]));
  return Buffer.concat([header(), ...name, Buffer.from([0, type >> 8, type & 255, klass >> 8, klass & 255])]);
}

/** Id 4711, RD, one question. */
function header(): Buffer {
  return Buffer.from([0x12, 0x67, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

function counted(packet: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(packet);
  copy.writeUInt16BE(value, offset);
  return copy;
}

function decode(response: Buffer | null): DecodedPacket {
  assert.ok(response);
  return dnsPacket.decode(response);
}

function rcode(response: Buffer | null): number | undefined {
  return response === null ? undefined : response.readUInt16BE(2) & 15;
}
