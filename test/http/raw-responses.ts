/** Origins that do not keep to the protocol, and those that use all of it (RFC 9112 section 6.3, RFC 9110 section 15). */
import { answered, get, type RawCase } from './raw-case.js';

const OK = 'HTTP/1.1 200 OK\r\n';
const LENGTHS = 'Content-Length:\r\nContent-Length: 8\r\n';
const bad = (rule: string, rfc: string, reply: string): RawCase =>
  answered(rule, rfc, reply, 502, { readsNot: /smuggled/ });

const BROKEN: readonly RawCase[] = [
  bad(
    'Content-Length beside Transfer-Encoding',
    '9112 6.3',
    `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nsmuggled{end}`,
  ),
  bad(
    'two Content-Lengths that differ',
    '9112 6.3',
    `${OK}Content-Length: 1\r\nContent-Length: 9\r\n\r\nxsmuggled{end}`,
  ),
  bad('a Content-Length that is no number', '9112 6.3', `${OK}Content-Length: x\r\n\r\nsmuggled{end}`),
  bad('an empty Content-Length', '9110 8.6', `${OK}Content-Length:\r\n\r\nsmuggled{end}`),
  bad('a Content-Length of a comma', '9110 8.6', `${OK}Content-Length: ,\r\n\r\nsmuggled{end}`),
  bad('an empty member before a Content-Length', '9110 8.6', `${OK}Content-Length: ,8\r\n\r\nsmuggled{end}`),
  bad('an empty Content-Length before another', '9110 8.6', `${OK}${LENGTHS}\r\nsmuggled{end}`),
  bad('a coding before chunked', '9112 6.1', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{end}`),
  bad('chunked twice', '9112 7.1', `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{end}`),
  bad('a field name with a space', '9112 5.1', `${OK}X Y: a\r\nContent-Length: 0\r\n\r\n{end}`),
  bad('NUL in a field', '9110 5.5', `${OK}X: a\0b\r\nContent-Length: 0\r\n\r\n{end}`),
  bad('bare CR in a field', '9110 5.5', `${OK}X: a\rSet-Cookie: smuggled\r\nContent-Length: 0\r\n\r\n{end}`),
  bad('a head of 1 MiB', '9112 5.4', `${OK}X: ${'a'.repeat(1_048_576)}\r\n\r\n{end}`),
  bad('a body without a head', '1945 6.1', '<html>smuggled</html>{end}'),
  bad('HTTP/2', '9113 3.4', '\0\0\0\x04\0\0\0\0\0{end}'),
  bad('a status of two digits', '9112 4', 'HTTP/1.1 20 OK\r\n\r\n{end}'),
  bad('a status of four digits', '9112 4', 'HTTP/1.1 2000 OK\r\n\r\n{end}'),
  bad('a status line and nothing else', '9112 8', 'HTTP/1.1 200 OK{end}'),
  bad('a close without an answer', '9112 9.5', '{end}'),
  bad('half a head', '9112 8', `${OK}Content-Le{end}`),
  bad(
    '101 that nobody asked for',
    '9110 15.2.2',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nsmuggled{end}',
  ),
];

const CUT_SHORT: readonly RawCase[] = [
  ['content shorter than its Content-Length', '9112 8', `${OK}Content-Length: 10\r\n\r\nabc{end}`],
  ['chunks that end too early', '9112 8', `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{end}`],
  [
    'a chunk size that overflows',
    '9112 7.1',
    `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10000000000000001\r\nsmuggled{end}`,
  ],
  [
    'a chunk size that is no number',
    '9112 7.1',
    `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\nsmuggled{end}`,
  ],
].map(([rule = '', rfc = '', reply = '']) => ({
  ...{
    rule,
    rfc,
    send: get('/r'),
    statuses: [[], [502]],
    forwarded: ['GET /r'],
    closes: true,
  },
  ...{ reply, readsNot: /smuggled/ },
}));

const WHOLE: readonly RawCase[] = [
  answered(
    '103 before the answer',
    '8297 2',
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
    200,
    { reads: /^HTTP\/1\.1 103 [\s\S]*Link: <\/a>/ },
  ),
  answered(
    '100 that nobody asked for',
    '9110 15.2.1',
    `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
    200,
    { reads: /^HTTP\/1\.1 100 Continue/ },
  ),
  answered(
    'many interim responses',
    '9110 15.2',
    `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50)}${OK}Content-Length: 1\r\n\r\nx`,
    200,
  ),
  answered('204 without content', '9110 15.3.5', 'HTTP/1.1 204 No Content\r\n\r\n', 204, {
    readsNot: /transfer-encoding|content-length/i,
  }),
  answered(
    '304 with the Content-Length of what it stands for',
    '9110 15.4.5',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: "a"\r\n\r\n',
    304,
    { reads: /ETag: "a"/ },
  ),
  answered(
    'chunks and trailers',
    '9112 7.1.2',
    `${OK}Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n`,
    200,
    { reads: /abc[\s\S]*X-Sum: 1/ },
  ),
  answered('content that ends with the connection', '9112 6.3', `${OK}\r\nall of it{end}`, 200, { reads: /all of it/ }),
  answered('an answer of HTTP/1.0', '9112 2.3', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx{end}', 200, {
    reads: /^HTTP\/1\.1 200 OK/,
  }),
  answered('an empty reason phrase', '9112 4', 'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx', 200),
  answered('a status that nobody knows', '9110 15', 'HTTP/1.1 599 Odd\r\nContent-Length: 1\r\n\r\nx', 599),
  answered(
    'several Set-Cookie fields',
    '9110 5.3',
    `${OK}Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n`,
    200,
    { reads: /Set-Cookie: a\r\nSet-Cookie: b/ },
  ),
  answered(
    'fields that end here',
    '9110 7.6.1',
    `${OK}Connection: x-hop\r\nX-Hop: 1\r\nProxy-Authenticate: Basic\r\nX-End: 1\r\nContent-Length: 0\r\n\r\n`,
    200,
    { reads: /X-End: 1/, readsNot: /X-Hop|Proxy-Authenticate/ },
  ),
  answered(
    'bytes after the answer reach nobody',
    '9112 9.2',
    `${OK}Content-Length: 1\r\n\r\nxHTTP/1.1 200 smuggled\r\nContent-Length: 0\r\n\r\n`,
    200,
    { readsNot: /smuggled/ },
  ),
];

export const RESPONSE_CASES: readonly RawCase[] = [...BROKEN, ...CUT_SHORT, ...WHOLE].map((one) => ({
  ...one,
  rule: `from the origin: ${one.rule}`,
}));
