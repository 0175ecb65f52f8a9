import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { startFakeDns, table } from '../http/fake-dns.js';
import { failsWith, openDns, resolverOf, texts } from './dns-stand.js';

const any = (asked: { readonly name: string; readonly type: string }) => table({ [asked.name]: ['8.8.8.8'] });

test('every question has a source port and an id of its own', async (t) => {
  // All are open at the same time: a port of one that is over could be another one's.
  const questions = new Set<string>();
  let answer = (): void => undefined;
  const after = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const dns = await openDns(t, (asked) => {
    questions.add(`${asked.type} ${asked.name}`);
    if (questions.size === 60) answer();
    return { ...any(asked)(asked), after };
  });
  const resolver = resolverOf([dns]);
  await Promise.all(Array.from({ length: 30 }, (_, i) => texts(resolver, `n${i}.zone${i}.test`)));
  const { asked } = dns;
  assert.equal(asked.length, 60);
  assert.equal(new Set(asked.map(({ port }) => port)).size, 60);
  assert.ok(new Set(asked.map(({ id }) => id)).size > 50);
});

test('the letters of a question are in random case, and those of an answer must be the same', async (t) => {
  const dns = await openDns(t, (asked) => any(asked)(asked));
  const resolver = resolverOf([dns]);
  const host = 'a-name-with-very-many-letters.example';
  assert.deepEqual(await texts(resolver, host), ['8.8.8.8']);
  const [a, aaaa] = dns.asked.map(({ spelling }) => spelling);
  assert.notEqual(a, aaaa);
  assert.notEqual(a, host);
  assert.ok(dns.asked.every(({ over }) => over === 'udp'));
});

test('a question that comes back in another case is asked over TCP, where nobody can guess', async (t) => {
  const dns = await openDns(t, (asked) => ({ ...any(asked)(asked), lowersCase: true }));
  assert.deepEqual(await texts(resolverOf([dns]), 'a-name-with-very-many-letters.example'), ['8.8.8.8']);
  assert.deepEqual(dns.asked.map(({ over }) => over).sort(), ['tcp', 'tcp', 'udp', 'udp']);
});

test('a server that loses the case of names and has no TCP is asked in lower case', async (t) => {
  const dns = await startFakeDns((asked) => ({ ...any(asked)(asked), lowersCase: true }), { tcp: 'refused' });
  t.after(() => dns.close());
  const host = 'a-name-with-very-many-letters.example';
  assert.deepEqual(await texts(resolverOf([dns]), host), ['8.8.8.8']);
  assert.deepEqual(new Set(dns.asked.slice(-2).map(({ spelling }) => spelling)), new Set([host]));
});

test('answers with another id are ignored', async (t) => {
  const dns = await openDns(t, (asked) => ({ ...any(asked)(asked), guesses: 5 }));
  assert.deepEqual(await texts(resolverOf([dns]), 'guessed.test'), ['8.8.8.8']);
  assert.ok(dns.asked.every(({ over }) => over === 'udp'));
});

test('where somebody goes on guessing the question is asked over TCP', async (t) => {
  const dns = await openDns(t, (asked) => ({ ...any(asked)(asked), guesses: asked.over === 'udp' ? 50 : 0 }));
  assert.deepEqual(await texts(resolverOf([dns]), 'guessed.test'), ['8.8.8.8']);
  assert.ok(dns.asked.some(({ over }) => over === 'tcp'));
});

test('what another socket than the server sends is never seen, be it right in all else', async (t) => {
  const forger = dgram.createSocket('udp4');
  t.after(() => forger.close());
  const dns = await openDns(t, (asked) => {
    if (asked.type === 'A') forger.send(rightAnswer(asked.id, asked.spelling), asked.port, '127.0.0.1');
    return asked.type === 'A' ? { silent: true } : {};
  });
  forger.bind(0, '127.0.0.1');
  await once(forger, 'listening');
  await assert.rejects(texts(resolverOf([dns], { timeoutMs: 400 }), 'forged.test'), failsWith('dns-timeout'));
});

test('records of names that were not asked for are not taken', async (t) => {
  const dns = await openDns(t, ({ type }) =>
    type === 'A' ? { answers: [{ type: 'A', name: 'other.test', data: '8.8.8.8', ttl: 60 }] } : {},
  );
  await assert.rejects(texts(resolverOf([dns]), 'asked.test'), failsWith('name-not-found'));
});

test('a chain of aliases that is too long, or runs in a circle, is a failure', async (t) => {
  const dns = await openDns(t, ({ type, name: asked }) => {
    if (type !== 'A') return {};
    const count = asked.startsWith('circle') ? 2 : 40;
    const link = (i: number): string => (i === 0 ? asked : `n${i % count}.${asked}`);
    const answers = Array.from({ length: 40 }, (_, i) => ({
      type: 'CNAME' as const,
      name: link(i),
      data: link(i + 1),
      ttl: 60,
    }));
    return { answers: [...answers, { type: 'A', name: link(39), data: '8.8.8.8', ttl: 60 }] };
  });
  const resolver = resolverOf([dns]);
  await assert.rejects(texts(resolver, 'long.test'), failsWith('dns-failed'));
  await assert.rejects(texts(resolver, 'circle.test'), failsWith('dns-failed'));
});

function rightAnswer(id: number, spelling: string): Buffer {
  const labels = spelling.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  const header = [id >> 8, id & 255, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
  return Buffer.from([...header, ...labels, 0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 9, 9, 9, 9]);
}
