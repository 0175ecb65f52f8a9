/** Where a message ends: Content-Length, Transfer-Encoding, chunks, line ends (RFC 9112 sections 2, 5, 6 and 7). */
import { cut, get, passes, post, type RawCase, refused } from './raw-case.js';

const SMUGGLED = 'GET http://{o}/smuggled HTTP/1.1\r\nHost: {o}\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

const CONTENT_LENGTH: readonly RawCase[] = [
  refused(
    'Content-Length before Transfer-Encoding',
    '9112 6.1',
    400,
    post('/a', `Content-Length: 4\r\n${CHUNKED}`, `0\r\n\r\n${SMUGGLED}`),
  ),
  refused(
    'Transfer-Encoding before Content-Length',
    '9112 6.1',
    400,
    post('/a', `${CHUNKED}Content-Length: 4\r\n`, `0\r\n\r\n${SMUGGLED}`),
  ),
  refused(
    'the same Content-Length twice',
    '9112 6.3',
    400,
    post('/a', 'Content-Length: 1\r\nContent-Length: 1\r\n', 'x'),
  ),
  refused(
    'two Content-Lengths that differ',
    '9112 6.3',
    400,
    post('/a', 'Content-Length: 1\r\nContent-Length: 60\r\n', `x${SMUGGLED}`),
  ),
  refused('a list of Content-Lengths', '9112 6.3', 400, post('/a', 'Content-Length: 1, 1\r\n', 'x')),
  refused('a Content-Length with a plus sign', '9110 8.6', 400, post('/a', 'Content-Length: +1\r\n', 'x')),
  refused('a negative Content-Length', '9110 8.6', 400, post('/a', 'Content-Length: -1\r\n', 'x')),
  refused('a hexadecimal Content-Length', '9110 8.6', 400, post('/a', 'Content-Length: 0x1\r\n', 'x')),
  refused('an empty Content-Length', '9110 8.6', 400, post('/a', 'Content-Length: \r\n', 'x')),
  refused('a Content-Length with a space inside', '9110 8.6', 400, post('/a', 'Content-Length: 1 0\r\n', 'x')),
  refused(
    'a Content-Length that overflows 64 bits',
    '9110 8.6',
    400,
    post('/a', 'Content-Length: 18446744073709551617\r\n', 'x'),
  ),
  refused('a Content-Length with a space before its colon', '9112 5.1', 400, post('/a', 'Content-Length : 1\r\n', 'x')),
  refused('a Content-Length after a vertical tab', '9110 5.5', 400, post('/a', 'Content-Length: \x0b1\r\n', 'x')),
  passes('a Content-Length in odd case', '9110 5.1', post('/a', 'cOnTeNt-LeNgTh: 1\r\n', 'x'), ['POST /a x']),
  passes('a Content-Length with leading zeros', '9110 8.6', post('/a', 'Content-Length: 001\r\n', 'x'), ['POST /a x']),
  passes(
    'a Content-Length that Connection names',
    '9110 7.6.1',
    post('/a', 'Connection: content-length\r\nContent-Length: 5\r\n', 'GET /'),
    ['POST /a GET /'],
  ),
  passes('a GET with content', '9110 9.3.1', `${get('/a', 'Content-Length: 1\r\n')}x`, ['GET /a x']),
];

const TRANSFER_ENCODING: readonly RawCase[] = [
  passes('chunked in odd case', '9112 7', post('/a', 'tRANSFER-eNCODING: cHuNkEd\r\n', '1\r\nx\r\n0\r\n\r\n'), [
    'POST /a x',
  ]),
  passes('chunks with extensions', '9112 7.1.1', post('/a', CHUNKED, '1;a=b;c="d"\r\nx\r\n0;e\r\n\r\n'), ['POST /a x']),
  passes('chunks with trailers', '9112 7.1.2', post('/a', CHUNKED, '1\r\nx\r\n0\r\nX-Trailer: y\r\n\r\n'), [
    'POST /a x',
  ]),
  refused(
    'a trailer that looks like framing',
    '9110 6.5.1',
    400,
    post('/a', CHUNKED, '1\r\nx\r\n0\r\nContent-Length: 99\r\n\r\n'),
  ),
  refused(
    'a Host among the trailers',
    '9110 6.5.1',
    400,
    post('/a', CHUNKED, `1\r\nx\r\n0\r\nHost: b.example\r\n\r\n${SMUGGLED}`),
  ),
  passes(
    'a chunk size in capitals with leading zeros',
    '9112 7.1',
    post('/a', CHUNKED, `000A\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`),
    ['POST /a xxxxxxxxxx'],
  ),
  refused(
    'chunked twice in a list',
    '9112 7.1',
    400,
    post('/a', 'Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'),
  ),
  refused('chunked twice in two lines', '9112 7.1', 400, post('/a', `${CHUNKED}${CHUNKED}`, '0\r\n\r\n')),
  refused('a coding before chunked', '9112 6.1', 400, post('/a', 'Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')),
  refused(
    'a coding after chunked',
    '9112 6.3',
    400,
    post('/a', 'Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
  ),
  refused('identity', '9112 6.3', 400, post('/a', 'Transfer-Encoding: identity\r\n', '')),
  refused('a word that ends in chunked', '9112 6.3', 400, post('/a', 'Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')),
  refused('chunked with a parameter', '9112 7', 400, post('/a', 'Transfer-Encoding: chunked;q=1\r\n', '0\r\n\r\n')),
  refused('chunked in quotes', '9112 7', 400, post('/a', 'Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n')),
  refused(
    'chunked after a vertical tab',
    '9110 5.5',
    400,
    post('/a', 'Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'),
  ),
  refused('an empty Transfer-Encoding', '9112 6.1', 400, post('/a', 'Transfer-Encoding: \r\n', '0\r\n\r\n')),
  refused(
    'Transfer-Encoding with a space before its colon',
    '9112 5.1',
    400,
    post('/a', 'Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
  ),
  refused(
    'Transfer-Encoding on a folded line',
    '9112 5.2',
    400,
    post('/a', 'Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'),
  ),
  refused(
    'Transfer-Encoding in HTTP/1.0',
    '9112 6.1',
    400,
    `POST http://{o}/a HTTP/1.0\r\nHost: {o}\r\n${CHUNKED}\r\n0\r\n\r\n`,
  ),
  refused(
    'Transfer-Encoding in CONNECT',
    '9110 9.3.6',
    400,
    `CONNECT {o} HTTP/1.1\r\nHost: {o}\r\n${CHUNKED}\r\n0\r\n\r\n`,
  ),
];

const CHUNKS: readonly RawCase[] = [
  cut(
    'a chunk size that overflows 64 bits',
    '9112 7.1',
    post('/a', CHUNKED, `10000000000000001\r\nx\r\n0\r\n\r\n${SMUGGLED}`),
  ),
  cut('a negative chunk size', '9112 7.1', post('/a', CHUNKED, '-1\r\nx\r\n0\r\n\r\n')),
  cut('a chunk size with 0x', '9112 7.1', post('/a', CHUNKED, '0x1\r\nx\r\n0\r\n\r\n')),
  cut('a chunk size that is no number', '9112 7.1', post('/a', CHUNKED, 'g\r\nx\r\n0\r\n\r\n')),
  cut('an empty chunk size', '9112 7.1', post('/a', CHUNKED, '\r\nx\r\n0\r\n\r\n')),
  cut('a chunk size after a space', '9112 7.1', post('/a', CHUNKED, ' 1\r\nx\r\n0\r\n\r\n')),
  cut('a chunk line that ends in a bare LF', '9112 7.1', post('/a', CHUNKED, '1\nx\r\n0\r\n\r\n')),
  cut('a chunk line that ends in a bare CR', '9112 7.1', post('/a', CHUNKED, '1\rx\r\n0\r\n\r\n')),
  cut('a bare LF in a chunk extension', '9112 7.1.1', post('/a', CHUNKED, `1;a\nx\r\n0\r\n\r\n${SMUGGLED}`)),
  cut('a chunk longer than its size', '9112 7.1', post('/a', CHUNKED, `1\r\nxy\r\n0\r\n\r\n${SMUGGLED}`)),
  cut('a chunk without its CRLF', '9112 7.1', post('/a', CHUNKED, '1\r\nx0\r\n\r\n')),
  cut('a chunk extension of 64 KiB', '9112 7.1.1', post('/a', CHUNKED, `1;${'a'.repeat(65_536)}\r\nx\r\n0\r\n\r\n`)),
  cut('a trailer of 64 KiB', '9112 7.1.2', post('/a', CHUNKED, `0\r\nX: ${'a'.repeat(65_536)}\r\n\r\n`)),
];

const LINES: readonly RawCase[] = [
  cut('bare LF as the end of every line', '9112 2.2', 'GET http://{o}/a HTTP/1.1\nHost: {o}\n\n'),
  cut('bare LF as the end of one field line', '9112 2.2', `GET http://{o}/a HTTP/1.1\r\nHost: {o}\nX: y\r\n\r\n`),
  refused(
    'bare CR as the end of a field line',
    '9112 2.2',
    400,
    'GET http://{o}/a HTTP/1.1\r\nHost: {o}\rX: y\r\n\r\n',
  ),
  refused('bare CR inside a field value', '9110 5.5', 400, get('/a', 'X: a\rb\r\n')),
  refused('a folded line', '9112 5.2', 400, get('/a', 'X: a\r\n b\r\n')),
  refused('a space before the first field line', '9112 2.2', 400, 'GET http://{o}/a HTTP/1.1\r\n Host: {o}\r\n\r\n'),
  refused('NUL in a field value', '9110 5.5', 400, get('/a', 'X: a\0b\r\n')),
  refused('NUL in a field name', '9110 5.1', 400, get('/a', 'X\0: a\r\n')),
  refused('a control character in a field value', '9110 5.5', 400, get('/a', 'X: a\x01b\r\n')),
  refused('DEL in a field value', '9110 5.5', 400, get('/a', 'X: a\x7fb\r\n')),
  refused('a space inside a field name', '9112 5.1', 400, get('/a', 'X Y: a\r\n')),
  refused('a tab before a colon', '9112 5.1', 400, get('/a', 'X\t: a\r\n')),
  refused('a field line without a name', '9112 5', 400, get('/a', ': a\r\n')),
  refused('a field line without a colon', '9112 5', 400, get('/a', 'X\r\n')),
  refused('a field name with a byte above 127', '9110 5.1', 400, get('/a', 'X\xe9: a\r\n')),
  passes('a field value with bytes above 127', '9110 5.5', get('/a', 'X: \xe9\xff\r\n'), ['GET /a']),
  passes('empty lines before the request-line', '9112 2.2', `\r\n\r\n${get('/a')}`, ['GET /a']),
  passes('an empty field value', '9110 5.5', get('/a', 'X:\r\n'), ['GET /a']),
];

export const FRAMING_CASES: readonly RawCase[] = [...CONTENT_LENGTH, ...TRANSFER_ENCODING, ...CHUNKS, ...LINES];
