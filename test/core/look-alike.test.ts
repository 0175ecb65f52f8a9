/** Names that people may take for others. Hostile ones are written as a door would receive them: in ASCII. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LookAlikes } from '../../proxy/core/look-alike.js';
import { decodePunycode } from '../../proxy/core/punycode.js';
import { parseHostPattern } from '../../proxy/core/target.js';

const ALLOWED = ['api.github.com', '*.paypal.com', 'index.examples.org', 'apple.com', 'node-1.example.net', 'gitlab'];
const alike = new LookAlikes(ALLOWED.flatMap((text) => parseHostPattern(text) ?? []));

test('a name that looks like an allowed one is told, with the allowed one', () => {
  for (const [name, allowed] of [
    ['api.githuh.com', 'api.github.com'],
    ['api.gihtub.com', 'api.github.com'],
    ['api.githubb.com', 'api.github.com'],
    ['api.gthub.com', 'api.github.com'],
    ['*.githuh.com', 'api.github.com'],
    ['apigithub.com', 'api.github.com'],
    ['api-github.com', 'api.github.com'],
    ['paypa1.com', 'paypal.com'],
    ['www.paypai.com', 'paypal.com'],
    ['index.exarnples.org', 'index.examples.org'],
    ['node-l.example.net', 'node-1.example.net'],
    ['gitlap', 'gitlab'],
    // Cyrillic throughout, Cyrillic in part, and Latin with an accent.
    ['www.xn--80ak6aa92e.com', 'apple.com'],
    ['xn--l-7sba6dbr.com', 'paypal.com'],
    ['api.xn--gthub-zsa.com', 'api.github.com'],
  ] as const)
    assert.match(alike.warning(name) ?? '', new RegExp(`^It looks like ${allowed}, which is allowed, but is`), name);
});

test('an allowed name with another ending, or with a stranger behind it, is told as that', () => {
  assert.match(alike.warning('api.github.co') ?? '', /^It differs from api\.github\.com, .* in its ending/);
  assert.match(alike.warning('index.examples.co.uk') ?? '', /^It differs from index\.examples\.org/);
  for (const name of ['api.github.com.evil.test', 'x.api.github.com.y.evil.test'])
    assert.match(alike.warning(name) ?? '', /^It holds the name api\.github\.com, .* but belongs to evil\.test\.$/);
  assert.equal(
    alike.warning('github.com.evil.test'),
    'It holds the name github.com, as does api.github.com, which is allowed, but belongs to evil.test.',
  );
});

test('what belongs to the same owner, is allowed itself or is far from any allowed name is not warned of', () => {
  for (const name of [
    ...['api.github.com', 'uploads.github.com', 'github.com', '*.github.com', 'paypal.com', 'www.paypal.com'],
    ...['node-2.example.net', 'nodel.example.net', 'gitea', 'evil.test', 'a.io', '192.168.1.5', 'fd00::5', ''],
  ])
    assert.equal(alike.warning(name), null, name);
  assert.equal(new LookAlikes([]).warning('api.githuh.com'), null);
});

test('what is no name, as it is too long for one, is not looked at: its cost would be the square of its length', () => {
  assert.match(alike.warning(`${'api.github.com.'.repeat(16)}evil.test`) ?? '', /^It holds the name/);
  const long = ['a'.repeat(64), 'a'.repeat(15_000), `xn--${'a'.repeat(15_000)}`, 'api.github.com.'.repeat(1000)];
  for (const part of long) assert.equal(alike.warning(`${part}.githuh.com`), null);
  assert.match(alike.warning('API.githuh.com.') ?? '', /^It looks like api\.github\.com/);
});

test('an encoded label is said to be one, by what it is made of, in ASCII and never decoded', () => {
  for (const [name, says] of [
    [
      'xn--mnchen-3ya.de',
      /^"xn--mnchen-3ya" is encoded: it has letters of Latin \(U\+00FC\), and reads like "munchen"\.$/,
    ],
    ['xn--wgv71a119e.jp', /has letters of Han \(U\+65E5 U\+672C U\+8A9E\)\.$/],
    [
      'xn--l-7sba6dbr.test',
      /mixes letters of Cyrillic and Latin \(U\+0440 U\+0430 U\+0443\), and reads like "paypal"\.$/,
    ],
    ['xn--ls8h.la', /has signs that are no letters \(U\+1F4A9\)\.$/],
    // A mark that turns the direction of writing, between letters.
    ['xn--ab-g4t.test', /has signs that are no letters \(U\+202E\)/],
    ['xn--.test', /"xn--" is encoded, but stands for no text\./],
    ['xn--abc-.test', /stands for no text\./],
    ['xn--99999999.test', /stands for no text\./],
    [`xn--${'9'.repeat(59)}.test`, /stands for no text\./],
  ] as const) {
    const warning = alike.warning(name) ?? '';
    assert.match(warning, says, name);
    assert.match(warning, /^[\x20-\x7e]+$/);
  }
});

test('an allowed name in other letters is known as well: its likeness in ASCII is told', () => {
  const known = new LookAlikes([parseHostPattern('xn--mnchen-3ya.de')].flatMap((pattern) => pattern ?? []));
  assert.match(known.warning('munchen.de') ?? '', /^It looks like xn--mnchen-3ya\.de/);
  assert.match(known.warning('xn--mnchen-3ya.de') ?? '', /^"xn--mnchen-3ya" is encoded/);
});

test('labels are decoded as in RFC 3492 section 7.1', () => {
  for (const [encoded, text] of [
    ['egbpdaj6bu4bxfgehfvwxn', 'ليهمابتكلموشعربي؟'],
    ['ihqwcrb4cv8a8dqg056pqjye', '他们为什么不说中文'],
    ['proprostnemluvesky-uyb24dma41a', 'pročprostěnemluvíčesky'],
    ['b1abfaaepdrnnbgefbadotcwatmq2g4l', 'почемужеонинеговорятпорусски'],
  ] as const)
    assert.equal(decodePunycode(encoded), text);
  for (const encoded of ['', '-', '-abc', 'abc-', 'ab_c', 'zzzzzzzzzzzz']) assert.equal(decodePunycode(encoded), null);
});
