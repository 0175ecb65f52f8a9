/** CONNECT: its form, what must not come with it, and what stands after a refusal (RFC 9110 section 9.3.6). */
import { type RawCase, refused } from './raw-case.js';

const BEHIND = 'GET http://{o}/smuggled HTTP/1.1\r\nHost: {o}\r\n\r\n';

const CONNECT: readonly RawCase[] = [
  refused('CONNECT without Host', '9112 3.2', 400, 'CONNECT {o} HTTP/1.1\r\n\r\n'),
  refused('CONNECT with another Host', '9110 9.3.6', 400, 'CONNECT {o} HTTP/1.1\r\nHost: b.example:443\r\n\r\n'),
  refused('CONNECT with another port in Host', '9110 9.3.6', 400, 'CONNECT {o} HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n'),
  refused('CONNECT with two Hosts', '9112 3.2', 400, 'CONNECT {o} HTTP/1.1\r\nHost: {o}\r\nHost: {o}\r\n\r\n'),
  refused(
    'CONNECT with content',
    '9110 9.3.6',
    400,
    `CONNECT {o} HTTP/1.1\r\nHost: {o}\r\nContent-Length: 5\r\n\r\nhello${BEHIND}`,
  ),
  refused('CONNECT with two spaces', '9112 3', 400, 'CONNECT  {o} HTTP/1.1\r\nHost: {o}\r\n\r\n'),
  refused(
    'CONNECT with a head of 16 KiB and an octet',
    '9112 5.4',
    431,
    `CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nX: ${'a'.repeat(16_384 + 1 - 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nX: \r\n\r\n'.length)}\r\n\r\n`,
  ),
  refused('CONNECT without a port', '9112 3.2.3', 400, 'CONNECT 127.0.0.1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  refused('CONNECT in absolute-form', '9112 3.2.3', 400, 'CONNECT http://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n'),
  refused('CONNECT in origin-form', '9112 3.2.3', 400, 'CONNECT /a HTTP/1.1\r\nHost: {o}\r\n\r\n'),
  refused('CONNECT with userinfo', '9112 3.2.3', 400, 'CONNECT a@{o} HTTP/1.1\r\nHost: {o}\r\n\r\n'),
  refused(
    'a request after a refused CONNECT',
    '9931 2',
    403,
    `CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\n${BEHIND}`,
  ),
  refused(
    'a CONNECT after a refused CONNECT',
    '9931 2',
    403,
    `CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\nCONNECT {o} HTTP/1.1\r\nHost: {o}\r\n\r\n${BEHIND}`,
  ),
  refused(
    'CONNECT to the proxy itself',
    '9110 7.6.3',
    403,
    'CONNECT 127.0.0.1:{p} HTTP/1.1\r\nHost: 127.0.0.1:{p}\r\n\r\n',
  ),
  refused(
    'a request to the proxy itself',
    '9110 7.6.3',
    403,
    'GET http://127.0.0.1:{p}/ HTTP/1.1\r\nHost: 127.0.0.1:{p}\r\nConnection: close\r\n\r\n',
  ),
];

const TUNNELLED: readonly RawCase[] = [
  {
    rule: 'CONNECT after a request',
    rfc: '9112 9.3.2',
    send: 'GET http://{o}/1 HTTP/1.1\r\nHost: {o}\r\n\r\nCONNECT {o} HTTP/1.1\r\nHost: {o}\r\n\r\nGET /2 HTTP/1.1\r\nHost: {o}\r\n\r\n',
    statuses: [[200, 200, 200]],
    forwarded: ['GET /1', 'GET /2'],
    closes: false,
    reads: /ok[\s\S]*Connection established/,
  },
  {
    rule: 'a refused CONNECT after a request',
    rfc: '9112 9.3.2',
    send: `GET http://{o}/1 HTTP/1.1\r\nHost: {o}\r\n\r\nCONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n${BEHIND}`,
    statuses: [[200, 403]],
    forwarded: ['GET /1'],
    closes: true,
  },
  {
    rule: 'bytes sent with the CONNECT',
    rfc: '9110 9.3.6',
    send: `CONNECT {o} HTTP/1.1\r\nHost: {o}\r\n\r\nGET /a HTTP/1.1\r\nHost: {o}\r\n\r\n`,
    statuses: [[200, 200]],
    forwarded: ['GET /a'],
    closes: false,
  },
  {
    rule: 'CONNECT in HTTP/1.0 without Host',
    rfc: '9112 3.2',
    send: 'CONNECT {o} HTTP/1.0\r\n\r\nGET /a HTTP/1.1\r\nHost: {o}\r\n\r\n',
    statuses: [[200, 200]],
    forwarded: ['GET /a'],
    closes: false,
  },
  {
    rule: 'CONNECT with a Host without a port',
    rfc: '9110 9.3.6',
    send: 'CONNECT {o} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /a HTTP/1.1\r\nHost: {o}\r\n\r\n',
    statuses: [[200, 200]],
    forwarded: ['GET /a'],
    closes: false,
  },
  {
    rule: 'CONNECT with a Content-Length of 0',
    rfc: '9110 9.3.6',
    send: 'CONNECT {o} HTTP/1.1\r\nHost: {o}\r\nContent-Length: 0\r\n\r\nGET /a HTTP/1.1\r\nHost: {o}\r\n\r\n',
    statuses: [[200, 200]],
    forwarded: ['GET /a'],
    closes: false,
  },
];

export const CONNECT_CASES: readonly RawCase[] = [...CONNECT, ...TUNNELLED];
