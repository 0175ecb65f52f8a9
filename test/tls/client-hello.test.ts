import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseClientHello } from '../../proxy/tls/client-hello.js';
import { extension, helloBody, serverName, serverNameList } from './hello-bytes.js';

const name = (text: string) => ({ type: 0, name: Buffer.from(text, 'latin1') });

test('the server name of a ClientHello is read, in lower case', () => {
  const names = [
    ['site.test', 'site.test'],
    ['SITE.Test', 'site.test'],
    ['a', 'a'],
    ['_dmarc.site.test', '_dmarc.site.test'],
    ['xn--bcher-kva.test', 'xn--bcher-kva.test'],
    [`${'a'.repeat(63)}.test`, `${'a'.repeat(63)}.test`],
    ['site.test.', 'site.test'],
  ] as const;
  for (const [sent, read] of names)
    assert.deepEqual(parseClientHello(helloBody({ sni: sent })), { sni: read, hasEch: false }, sent);
});

test('a server name that RFC 6066 forbids, or that is no DNS name, is invalid', () => {
  const names = [
    '',
    '.',
    'site.test..',
    'site..test',
    '.site.test',
    'site.test\0',
    'site.test\0.other.test',
    'site.test\n',
    'si te.test',
    '127.0.0.1',
    '10.0.0.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '[::1]',
    '::1',
    'fe80::1%eth0',
    'site.test:443',
    'user@site.test',
    'b\u00fccher.test',
    '*.site.test',
    'a'.repeat(64),
    `${'a.'.repeat(149)}aa`,
    'site.123',
  ];
  for (const sni of names) assert.equal(parseClientHello(helloBody({ sni })), 'sni-invalid', JSON.stringify(sni));
});

test('a server name list with anything but one host_name is invalid', () => {
  const lists = {
    'two names': serverNameList([name('site.test'), name('other.test')]),
    'the same name twice': serverNameList([name('site.test'), name('site.test')]),
    'another name_type': serverNameList([{ type: 1, name: Buffer.from('site.test') }]),
    'a host_name and another name_type': serverNameList([name('site.test'), { type: 9, name: Buffer.from('x') }]),
    'an empty list': serverNameList([]),
    'an empty extension': extension(0, Buffer.alloc(0)),
    'bytes after the list': extension(0, Buffer.concat([serverName('site.test').subarray(4), Buffer.from([0])])),
    'a list longer than the extension': extension(0, Buffer.from([0, 9, 0, 0, 1, 0x61])),
    'a name longer than the list': extension(0, Buffer.from([0, 4, 0, 0, 9, 0x61])),
  };
  for (const [what, list] of Object.entries(lists))
    assert.equal(parseClientHello(helloBody({ sni: null, extensions: [list] })), 'sni-invalid', what);
});

test('a ClientHello without a server name is read as one, with and without extensions', () => {
  const nameless = { sni: null, hasEch: false };
  assert.deepEqual(parseClientHello(helloBody({ sni: null })), nameless);
  assert.deepEqual(parseClientHello(helloBody({ sni: null }).subarray(0, -2)), nameless);
  assert.deepEqual(parseClientHello(helloBody({ sni: null, extensions: [extension(10, Buffer.alloc(4))] })), nameless);
});

test('an encrypted_client_hello of type outer is noted, and one of type inner or of no type is malformed', () => {
  const ech = (value: number[]) => extension(0xfe0d, Buffer.from(value));
  assert.deepEqual(parseClientHello(helloBody({ extensions: [ech([0, 1, 2])] })), { sni: 'site.test', hasEch: true });
  assert.deepEqual(parseClientHello(helloBody({ sni: null, extensions: [ech([0])] })), { sni: null, hasEch: true });
  assert.equal(parseClientHello(helloBody({ extensions: [ech([1])] })), 'malformed-hello');
  assert.equal(parseClientHello(helloBody({ extensions: [ech([])] })), 'malformed-hello');
});

test('what is not exactly a ClientHello is malformed', () => {
  const good = helloBody();
  const bodies = {
    nothing: Buffer.alloc(0),
    'a byte too many': Buffer.concat([good, Buffer.from([0])]),
    'a session id of 33 octets': helloBody({ sessionId: Buffer.alloc(33) }),
    'no cipher suites': helloBody({ ciphers: Buffer.alloc(0) }),
    'half a cipher suite': helloBody({ ciphers: Buffer.alloc(3) }),
    'no compression method': helloBody({ compression: Buffer.alloc(0) }),
    'two server_name extensions': helloBody({ extensions: [serverName('other.test')] }),
    'an extension twice': helloBody({ extensions: [extension(16, Buffer.alloc(2)), extension(16, Buffer.alloc(2))] }),
    'an extension longer than the list': helloBody({ extensions: [Buffer.from([0, 16, 0, 9, 1])] }),
    'half an extension header': helloBody({ extensions: [Buffer.from([0, 16, 0])] }),
  };
  for (const [what, body] of Object.entries(bodies)) assert.equal(parseClientHello(body), 'malformed-hello', what);
  // 43 octets short there are no extensions at all, which TLS 1.2 allows.
  const withoutExtensions = good.length - 2 - serverName('site.test').length;
  for (let length = 0; length < good.length; length++) {
    const cut = parseClientHello(good.subarray(0, length));
    if (length === withoutExtensions) assert.deepEqual(cut, { sni: null, hasEch: false });
    else assert.equal(cut, 'malformed-hello', `cut at ${length}`);
  }
});
