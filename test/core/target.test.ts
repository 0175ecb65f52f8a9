import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedPolicy } from '../../proxy/config/compile.js';
import { decideHost } from '../../proxy/core/policy.js';
import type { DenyReason } from '../../proxy/core/reasons.js';
import {
  authorityText,
  hostText,
  isPort,
  parseAbsolute,
  parseAuthority,
  parseHost,
  parseHostField,
  parsePort,
  sameHost,
  type Target,
} from '../../proxy/core/target.js';
import { HOSTILE_TARGETS, type HostileTarget } from '../http/hostile-targets.js';
import { type OrdinaryTarget, PUBLIC_TARGETS } from '../http/public-targets.js';

const PUBLIC = closedPolicy({ default: 'public' });

/** What a door would say before any DNS query: null where it would go on. */
function refusalOf({ form, target }: OrdinaryTarget): DenyReason | null {
  const parsed = parse(form, target);
  if (typeof parsed === 'string') return parsed;
  const question = { target: parsed, client: { name: null }, own: { addresses: [], ports: new Set<number>() } };
  return decideHost(PUBLIC, question)?.reason ?? null;
}

function parse(form: HostileTarget['form'], text: string): Target | DenyReason {
  if (form === 'authority') {
    const parsed = parseAuthority(text);
    return parsed.ok ? parsed.value : parsed.reason;
  }
  const parsed = parseAbsolute(text);
  return parsed.ok ? parsed.value.target : parsed.reason;
}

test('the corpus of hostile targets has several hundred entries, each with a reason', () => {
  assert.ok(HOSTILE_TARGETS.length > 800);
  for (const { target, reasons } of HOSTILE_TARGETS) assert.ok(reasons.length > 0, target);
});

test('every hostile target is refused before DNS, with the right reason', () => {
  for (const hostile of HOSTILE_TARGETS) {
    const reason = refusalOf(hostile);
    const shown = JSON.stringify(hostile.target);
    assert.ok(reason !== null, `${shown} goes on`);
    assert.ok(hostile.reasons.includes(reason), `${shown}: ${reason}, not ${hostile.reasons.join(' or ')}`);
  }
});

test('no ordinary target is refused', () => {
  assert.ok(PUBLIC_TARGETS.length > 400);
  for (const ordinary of PUBLIC_TARGETS) assert.equal(refusalOf(ordinary), null, ordinary.target);
});

test('an authority-form target is a host and a port, without a scheme', () => {
  const parsed = parseAuthority('EXAMPLE.com.:443');
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value, {
    form: 'authority',
    scheme: null,
    host: { kind: 'name', name: 'example.com' },
    port: 443,
  });
});

test('an absolute-form target keeps path and query byte for byte', () => {
  const cases: readonly (readonly [text: string, port: number, path: string])[] = [
    ['http://example.com', 80, '/'],
    ['http://example.com?q=1', 80, '/?q=1'],
    ['HTTPS://example.com/a/../b//c?x=%2e%2E', 443, '/a/../b//c?x=%2e%2E'],
    ['http://example.com:8080/\'"<>|{}\\^`', 8080, '/\'"<>|{}\\^`'],
    ['http://example.com/\u00fc', 80, '/\u00fc'],
    ['http://example.com/http://127.0.0.1/', 80, '/http://127.0.0.1/'],
    ['http://example.com/@127.0.0.1:80', 80, '/@127.0.0.1:80'],
  ];
  for (const [text, port, path] of cases) {
    const parsed = parseAbsolute(text);
    assert.ok(parsed.ok, text);
    assert.equal(parsed.value.path, path);
    assert.equal(parsed.value.target.port, port);
    assert.equal(hostText(parsed.value.target.host), 'example.com');
  }
});

test('a zone identifier has a reason of its own where the address is one', () => {
  for (const text of ['[fe80::1%eth0]:443', '[fe80::1%25eth0]:443', '[::1%]:443'])
    assert.deepEqual(parseAuthority(text), { ok: false, reason: 'zone-identifier' }, text);
  for (const text of ['[%eth0]:443', '[127.0.0.1%eth0]:443', '[x%1]:443'])
    assert.deepEqual(parseAuthority(text), { ok: false, reason: 'malformed-target' }, text);
});

test('a port has one to five digits and lies between 1 and 65535', () => {
  for (const text of ['1', '80', '65535']) assert.equal(parsePort(text), Number(text));
  for (const text of [
    '',
    '0',
    '01',
    '65536',
    '99999',
    '100000',
    '+1',
    '-1',
    '1.0',
    '1e3',
    '0x1',
    ' 1',
    '1 ',
    '١',
    '1\n',
  ])
    assert.equal(parsePort(text), null, JSON.stringify(text));
  for (const value of [0, -1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(isPort(value), false);
});

test('a Host field is a host with or without a port', () => {
  const good: readonly (readonly [text: string, host: string, port: number | null])[] = [
    ['example.com', 'example.com', null],
    ['Example.COM:8080', 'example.com', 8080],
    ['127.1', '127.0.0.1', null],
    ['[::1]', '::1', null],
    ['[::1]:80', '::1', 80],
    ['a:', 'a', null],
  ];
  for (const [text, host, port] of good) {
    const parsed = parseHostField(text);
    assert.ok(parsed.ok, text);
    assert.equal(hostText(parsed.value.host), host);
    assert.equal(parsed.value.port, port);
  }
  const bad = [
    '',
    ' ',
    'a b',
    'a,b',
    'user@a',
    'a:0',
    'a::',
    'a:x',
    '::1',
    '[::1',
    'a/b',
    'http://a',
    'a\0',
    '1.2.3.4.5',
  ];
  for (const text of bad) assert.equal(parseHostField(text).ok, false, JSON.stringify(text));
});

test('two hosts are the same where they are the same value, whatever the spelling', () => {
  const same = (a: string, b: string): boolean => {
    const [left, right] = [parseHost(a), parseHost(b)];
    assert.ok(left.ok && right.ok);
    return sameHost(left.value, right.value);
  };
  assert.equal(same('Example.com.', 'example.COM'), true);
  assert.equal(same('127.1', '2130706433'), true);
  assert.equal(same('[::1]', '[0:0::1]'), true);
  assert.equal(same('[::ffff:127.0.0.1]', '127.0.0.1'), false);
  assert.equal(same('example.com', 'www.example.com'), false);
});

test('an authority is shown with brackets around IPv6 only', () => {
  const shown = (text: string): string => {
    const parsed = parseAuthority(text);
    assert.ok(parsed.ok, text);
    return authorityText(parsed.value);
  };
  assert.equal(shown('[0:0::1]:443'), '[::1]:443');
  assert.equal(shown('0x7f.1:80'), '127.0.0.1:80');
  assert.equal(shown('A.example:80'), 'a.example:80');
});
