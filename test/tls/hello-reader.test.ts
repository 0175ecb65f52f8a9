import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import { HelloReader, type HelloState, MAX_HELLO_BYTES } from '../../proxy/tls/client-hello.js';
import { extension, handshake, helloBody, record, records, wireHello } from './hello-bytes.js';

const SITE: HelloState = { kind: 'hello', hello: { sni: 'site.test' as never, hasEch: false } };
const MALFORMED: HelloState = { kind: 'defect', defect: 'malformed-hello' };

test('a ClientHello is read from any fragmentation into records and packets', () => {
  const message = handshake(helloBody());
  for (const fragment of [1, 2, 3, 4, 5, 64, message.length - 1, message.length])
    for (const packet of [1, 2, 7, 4096])
      assert.deepEqual(read(records(message, fragment), packet), SITE, `records of ${fragment}, packets of ${packet}`);
});

test('a ClientHello that Node sends is read, alone and with other bytes after it', async () => {
  const wire = await helloOfNode('real.site.test');
  const expected = { kind: 'hello', hello: { sni: 'real.site.test', hasEch: false } };
  assert.deepEqual(read(wire, 1), expected);
  assert.deepEqual(new HelloReader().push(Buffer.concat([wire, Buffer.from('more')])), expected);
});

test('a ClientHello with 20 kB of extensions is read, over two records', () => {
  const parts = { extensions: [extension(21, Buffer.alloc(10_000)), extension(41, Buffer.alloc(10_000))] };
  assert.deepEqual(read(wireHello(parts), 1400), SITE);
});

test('every prefix of a ClientHello needs more', () => {
  const wire = records(handshake(helloBody()), 50);
  for (let length = 0; length < wire.length; length++)
    assert.deepEqual(new HelloReader().push(wire.subarray(0, length)), { kind: 'need-more' }, `${length} octets`);
});

test('a ClientHello that never ends is malformed at the cap, whole or in the smallest records', () => {
  const announced = Buffer.from([1, 0, 0x7f, 0x00]);
  const endless = Buffer.concat([announced, Buffer.alloc(MAX_HELLO_BYTES)]);
  assert.deepEqual(read(records(endless, 1), 1), MALFORMED);
  assert.deepEqual(read(records(endless), 1400), MALFORMED);
  const untilCap = new HelloReader();
  assert.equal(untilCap.push(records(endless, 1).subarray(0, MAX_HELLO_BYTES - 1)).kind, 'need-more');
  assert.deepEqual(untilCap.push(records(endless, 1).subarray(MAX_HELLO_BYTES - 1, MAX_HELLO_BYTES)), MALFORMED);
});

test('a length beyond the cap is malformed as soon as it is announced', () => {
  assert.deepEqual(new HelloReader().push(record(22, Buffer.from([1, 0, 0x80, 0x00]))), MALFORMED);
  assert.deepEqual(new HelloReader().push(record(22, Buffer.from([1, 0xff, 0xff, 0xff]))), MALFORMED);
});

test('what does not begin as a TLS handshake record is not TLS', () => {
  const beginnings = [
    'SSH-2.0-x\r\n',
    'GET / HTTP/1.1\r\n',
    'EHLO a\r\n',
    '\x80\x2e\x01\x03\x01',
    '\x16\x02\x00',
    '\x17\x03\x03',
    '\0',
  ];
  for (const beginning of beginnings)
    assert.deepEqual(new HelloReader().push(Buffer.from(beginning, 'latin1')), { kind: 'not-tls' }, beginning);
});

test('records that RFC 8446 forbids before the end of a ClientHello are malformed', () => {
  const message = handshake(helloBody());
  const begun = record(22, message.subarray(0, 10));
  const wires = {
    'an empty fragment first': record(22, Buffer.alloc(0)),
    'an empty fragment between': Buffer.concat([begun, record(22, Buffer.alloc(0))]),
    'an alert between': Buffer.concat([begun, record(21, Buffer.from([1, 0]))]),
    'application data between': Buffer.concat([begun, record(23, Buffer.from([1, 0]))]),
    'a version other than 3 between': Buffer.concat([begun, Buffer.from([22, 2])]),
    'a record over 16 KiB': Buffer.from([22, 3, 1, 0x40, 0x01]),
    'a ServerHello': records(handshake(helloBody(), 2)),
    'a HelloRequest': records(Buffer.from([0, 0, 0, 0])),
    'a second message in the record': records(Buffer.concat([message, message])),
    'a byte after the message in its record': records(Buffer.concat([message, Buffer.from([0])])),
  };
  for (const [what, wire] of Object.entries(wires)) assert.deepEqual(read(wire, 1), MALFORMED, what);
});

test('once decided, a reader decides nothing else', () => {
  const reader = new HelloReader();
  reader.push(wireHello());
  assert.deepEqual(reader.push(Buffer.from('x')), SITE);
  const refused = new HelloReader();
  refused.push(Buffer.from('x'));
  assert.deepEqual(refused.push(wireHello()), { kind: 'not-tls' });
});

test('no bytes make a reader throw, and how they are cut into packets changes nothing', () => {
  const good = [...records(handshake(helloBody()), 60)];
  const mutated = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 })
    .map((edits) => edits.reduce((bytes, [at, value]) => bytes.with(at, value), good));
  const bytes = fc.oneof(
    mutated,
    fc.array(fc.nat(255), { maxLength: 400 }).map((tail) => [22, 3, 1, ...tail]),
  );
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 40 }), (wire, packet) => {
      const whole = new HelloReader().push(Buffer.from(wire));
      assert.deepEqual(read(Buffer.from(wire), packet), whole);
      if (whole.kind === 'hello' && whole.hello.sni !== null) assert.match(whole.hello.sni, /^[a-z0-9_.-]{1,253}$/);
    }),
    { numRuns: Number(process.env.EGRESS_FUZZ_RUNS ?? 2000) },
  );
});

function read(wire: Buffer, packet: number): HelloState {
  const reader = new HelloReader();
  let state = reader.push(Buffer.alloc(0));
  for (let at = 0; at < wire.length; at += packet) state = reader.push(wire.subarray(at, at + packet));
  return state;
}

async function helloOfNode(servername: string): Promise<Buffer> {
  const wire = new Duplex({ read() {}, write() {} });
  const written = new Promise<Buffer>((resolve) => {
    wire._write = (chunk: Buffer) => resolve(chunk);
  });
  const client = tls.connect({ socket: wire, servername, ALPNProtocols: ['h2', 'http/1.1'] });
  const hello = await written;
  client.destroy();
  await once(client, 'close');
  return hello;
}
