/** Every parser of what others send takes steps in proportion to what it is sent, whatever that is. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { interpolate } from '../../proxy/config/interpolate.js';
import { parseSource } from '../../proxy/config/yaml-source.js';
import { parseHosts } from '../../proxy/core/hosts-table.js';
import { answerQuery } from '../../proxy/dns/dns-answer.js';
import { contentReader } from '../../proxy/http/content-reader.js';
import { listMembers } from '../../proxy/http/fields.js';
import { HeadReader } from '../../proxy/http/head-reader.js';
import { requestFields, responseFields } from '../../proxy/http/passed-on.js';
import { noted, ResponseHeadReader } from '../../proxy/http/response-head.js';
import { readReply } from '../../proxy/net/dns-message.js';
import { HeldBytes } from '../../proxy/net/held-bytes.js';
import { OctetReader } from '../../proxy/net/octet-reader.js';
import { parseRecordLine } from '../../proxy/observe/parse-record.js';
import { readRequest } from '../../proxy/socks/messages.js';
import { HelloReader, parseClientHello } from '../../proxy/tls/client-hello.js';
import { tlsDoor } from '../../proxy/tls/tls-door.js';
import { requestHead } from '../http/request-head.js';
import { stepsOf } from './steps.js';

/** The smallest input; the others are twice and four times as large. */
const UNIT = 2000;
/** A step more for the logarithm of growing buffers, and no more. */
const SLACK = 1.3;

const LIMITS = { headerBytes: 1 << 24, headerFields: 1 << 20 };
const HEAD = 'GET http://a.example/ HTTP/1.1\r\n';

function inPieces(text: string | Buffer, size: number, push: (piece: Buffer) => unknown): void {
  const bytes = Buffer.from(text as string, 'latin1');
  for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
}

function head(fields: string, size: number): void {
  const reader = new HeadReader(LIMITS);
  inPieces(`${HEAD}${fields}\r\n`, size, (piece) => reader.push(piece));
}

function content(text: string, size: number): void {
  const reader = contentReader(requestHead(['Transfer-Encoding', 'chunked']), LIMITS);
  inPieces(text, size, (piece) => reader?.push(piece, () => undefined));
}

function responseHead(fields: string, size: number): void {
  const reader = new ResponseHeadReader();
  inPieces(`HTTP/1.1 200 OK\r\n${fields}\r\n`, size, (piece) => reader.push(piece));
}

function hello(extensions: Buffer, size: number): void {
  const reader = new HelloReader();
  const wire = helloWire(extensions);
  for (let at = 0; at < wire.length; at += size) reader.push(wire.subarray(at, at + size));
}

/** As the door gives all that it holds each time. */
function heardHello(extensions: Buffer): void {
  const [hearing, held] = [tlsDoor.hearing({ settings: { clients: [] } }), new HeldBytes()];
  inPieces(helloWire(extensions), 1, (piece) => {
    held.push(piece);
    hearing.hear(held.all());
  });
}

function helloWire(extensions: Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    extensions,
  ]);
  const handshake = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body]);
  return Buffer.concat([Buffer.from([22, 3, 1, handshake.length >> 8, handshake.length & 255]), handshake]);
}

/** A DNS message of one question and `count` records, each a pointer to the one before it. */
function pointers(count: number): Buffer {
  const question = Buffer.from([1, 97, 0, 0, 1, 0, 1]);
  const header = Buffer.from([0, 1, 0x81, 0x80, 0, 1, count >> 8, count & 255, 0, 0, 0, 0]);
  const records = Array.from({ length: count }, (_, i) => {
    const to = i === 0 ? 12 : 12 + question.length + 14 * (i - 1);
    return Buffer.from([0xc0 | (to >> 8), to & 255, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
  });
  return Buffer.concat([header, question, ...records]);
}

const RECORD = {
  ...{ event: 'decision', id: 'a', time: '2026-01-01T00:00:00.000Z', outcome: 'deny', reason: null, rule: null },
  ...{ mode: 'enforce', client: { address: '10.0.0.1', name: null }, door: 'connect', method: 'CONNECT', host: 'a' },
  ...{ port: 1, dialed: null, status: 403, dnsMs: null, connectMs: null },
};

const PARSERS: readonly (readonly [name: string, run: (n: number) => unknown])[] = [
  ['a request head, octet by octet', (n) => head(`X: ${'a'.repeat(n)}\r\n`, 1)],
  ['a request head of short fields', (n) => head('a:\r\n'.repeat(n / 4), 1 << 20)],
  ['a request head of short fields in small pieces', (n) => head('a:\r\n'.repeat(n / 4), 3)],
  ['a request head full of spaces', (n) => head(`X: ${' \t'.repeat(n / 2)}a${' '.repeat(n)}b\r\n`, 7)],
  [
    'empty lines before a head',
    (n) => inPieces('\r\n'.repeat(n / 2), 1, (piece) => new HeadReader(LIMITS).push(piece)),
  ],
  ['chunks of one octet', (n) => content('1\r\nx\r\n'.repeat(n / 6), 5)],
  ['a chunk extension, octet by octet', (n) => content(`1;${'a'.repeat(n)}\r\n`, 1)],
  ['trailers', (n) => content(`0\r\n${'a:\r\n'.repeat(n / 4)}\r\n`, 1)],
  ['a trailer full of spaces', (n) => content(`0\r\nX:${' '.repeat(n)}a${' '.repeat(n)}\r\n\r\n`, 11)],
  ['a list of members', (n) => listMembers(`a${' '.repeat(n)}b,${','.repeat(n)}`)],
  [
    'request fields that Connection names',
    (n) => {
      const names = Array.from({ length: n / 20 }, (_, i) => `x-${i}`);
      return passedUp([...names.flatMap((name) => [name, 'v']), 'Connection', names.join(', ')]);
    },
  ],
  [
    'response fields that Connection names',
    (n) => {
      const names = Array.from({ length: n / 20 }, (_, i) => `x-${i}`);
      return passedDown([...names.flatMap((name) => [name, 'v']), 'Connection', names.join(', ')]);
    },
  ],
  [
    'fields beside the many that Connection names',
    (n) => {
      const raw = ['Connection', 'x,'.repeat(n / 20), ...Array.from({ length: n / 20 }, () => ['yy', 'v']).flat()];
      return [...passedUp(raw), ...passedDown(raw)];
    },
  ],
  ['a response head, octet by octet', (n) => responseHead(`X: ${'a'.repeat(n)}\r\n`, 1)],
  ['a response head of short fields', (n) => responseHead('a:\r\n'.repeat(n / 20), 3)],
  ['a response head full of spaces', (n) => responseHead(`X: ${' '.repeat(n)}a${' '.repeat(n)}b\r\n`, 7)],
  ['a ClientHello, octet by octet', (n) => hello(Buffer.concat([Buffer.from([n >> 8, n & 255]), Buffer.alloc(n)]), 1)],
  [
    'a ClientHello at its door, octet by octet',
    (n) => heardHello(Buffer.concat([Buffer.from([n >> 8, n & 255]), Buffer.alloc(n)])),
  ],
  [
    'extensions of a ClientHello',
    (n) =>
      parseClientHello(
        Buffer.concat([
          Buffer.from([3, 3]),
          Buffer.alloc(33),
          Buffer.from([0, 2, 0x13, 1, 1, 0, n >> 8, n & 255]),
          Buffer.alloc(n, Buffer.from([0x12, 0x34, 0, 0])),
        ]),
      ),
  ],
  ['server names of a ClientHello', (n) => parseClientHello(serverNames(n))],
  [
    'bytes that are held, octet by octet',
    (n) => {
      const held = new HeldBytes();
      inPieces('x'.repeat(n), 1, (piece) => held.push(piece));
    },
  ],
  [
    'handshakes, octet by octet',
    async (n) => {
      const reader = new OctetReader({ resume: () => undefined });
      inPieces('x'.repeat(n), 1, (piece) => reader.push(piece));
      for (let left = n; left > 0; left--) await reader.take(1);
    },
  ],
  [
    'SOCKS requests in one piece',
    (n) => {
      const [request, count] = [Buffer.from([5, 1, 0, 3, 1, 97, 0, 80]), n / 20];
      let held = Buffer.concat(Array<Buffer>(count).fill(request));
      while (held.length > 0) held = held.subarray(readRequest(held).taken);
    },
  ],
  [
    'a DNS query of labels',
    (n) => answerQuery(labels(n / 20), { addresses: [], isAbsent: () => false, decideName: () => null }),
  ],
  ['a DNS reply of pointers', (n) => readReply(pointers(n / 20), pointers(0), 'any-case')],
  ['a hosts file of one line', (n) => parseHosts(`10.0.0.1${' \t'.repeat(n / 4)} a b c ${'#'.repeat(n / 4)}`)],
  ['a hosts file of many names', (n) => parseHosts(`10.0.0.1 ${'a '.repeat(n / 2)}`)],
  [
    'references in a policy',
    (n) => interpolate({ a: `${'${A:-'.repeat(n / 5)}` }, {}, () => ({ ok: false, problem: '' }) as never),
  ],
  ['a policy file of braces', (n) => parseSource(`version: 1\na: "${'${'.repeat(n / 2)}"\n`)],
  [
    'a record of the log',
    (n) => parseRecordLine(JSON.stringify({ ...RECORD, addresses: Array.from({ length: n / 20 }, () => '10.0.0.1') })),
  ],
];

function passedUp(raw: readonly string[]): string[] {
  return requestFields(requestHead(raw), 'a');
}

function passedDown(raw: readonly string[]): string[] {
  return responseFields(raw, { minor: 1, status: 200, noted: noted(raw) });
}

function labels(count: number): Buffer {
  const name = Buffer.concat([
    ...Array.from({ length: Math.min(count, 600) }, () => Buffer.from([1, 97])),
    Buffer.from([0]),
  ]);
  return Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), name, Buffer.from([0, 1, 0, 1])]);
}

function serverNames(n: number): Buffer {
  const list = Buffer.alloc(n, Buffer.from([1, 0, 1, 97]));
  const extension = Buffer.concat([Buffer.from([0, 0, (n + 2) >> 8, (n + 2) & 255, n >> 8, n & 255]), list]);
  const head = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(33), Buffer.from([0, 2, 0x13, 1, 1, 0])]);
  return Buffer.concat([head, Buffer.from([extension.length >> 8, extension.length & 255]), extension]);
}

for (const [name, run] of PARSERS) {
  test(`${name}: twice the input takes twice the steps`, async () => {
    await run(UNIT);
    const [once, twice, fourfold] = [
      await stepsOf(() => run(UNIT)),
      await stepsOf(() => run(2 * UNIT)),
      await stepsOf(() => run(4 * UNIT)),
    ];
    const shown = `${once}, ${twice}, ${fourfold} steps`;
    assert.ok(twice <= 2 * SLACK * once, shown);
    assert.ok(fourfold <= 4 * SLACK * once, shown);
  });
}

test('the count is the same each time', async () => {
  const parse = (): void => responseHead(`X: ${'a'.repeat(UNIT)}\r\n`, 1);
  parse();
  const counts = new Set<number>();
  for (let i = 0; i < 5; i++) counts.add(await stepsOf(parse));
  assert.equal(counts.size, 1, [...counts].join(', '));
});

test('the count finds a parser that is quadratic', async () => {
  const quadratic = (n: number): void => {
    let text = '';
    for (let i = 0; i < n; i++) {
      text += 'a';
      text.indexOf('b');
    }
  };
  assert.ok((await stepsOf(() => quadratic(4 * UNIT))) > 10 * (await stepsOf(() => quadratic(UNIT))));
});

/** What the count cannot see: an expression that is tried at every position, and runs on from each. */
test('no regular expression begins with a run that any position can begin', () => {
  const root = fileURLToPath(new URL('../../../proxy/', import.meta.url));
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(?:http|socks|tls|dns|net|observe|config|core|door)\/.*\.ts$/.test(path))
    .flatMap((path) => {
      const text = readFileSync(`${root}${path}`, 'utf8');
      return [
        ...text.matchAll(/(?<=[(=,:?!&|]\s*)\/(?:\\s|\\w|\\d|\.|\[(?:[^\]\\]|\\.)*\])[*+][^/\n]+\/[gimsuy]*/g),
      ].map(([expression]) => `${path}: ${expression}`);
    });
  assert.deepEqual(found, []);
});
