import assert from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '../http/fake-dns.js';
import { CLOSED_PORT } from './closed-port.js';
import { failsWith, openDns, resolverOf, texts } from './dns-stand.js';

const SERVFAIL = 2;
const FORMERR = 1;
const here = table({ 'here.test': ['8.8.8.8'] });

test('a server that answers after it was asked once more is heard, after quick answers', async (t) => {
  let isAskedAgain = (): void => undefined;
  const after = new Promise<void>((resolve) => {
    isAskedAgain = resolve;
  });
  const dns = await openDns(t, (asked) => {
    const isSlow = asked.name.startsWith('slow');
    if (isSlow && asked.before > 0) {
      isAskedAgain();
      return { silent: true };
    }
    return { ...table({ [asked.name]: ['8.8.8.8'] })(asked), ...(isSlow ? { after } : {}) };
  });
  const resolver = resolverOf([dns]);
  for (let i = 0; i < 20; i++) await texts(resolver, `quick${i}.test`);
  const both = await Promise.all([texts(resolver, 'slow1.test'), texts(resolver, 'slow2.test')]);
  assert.deepEqual(both, [['8.8.8.8'], ['8.8.8.8']]);
});

test('what is asked again is the same question from the same socket: any of its answers will do', async (t) => {
  const dns = await openDns(t, (asked) => (asked.before === 0 ? { silent: true } : here(asked)));
  assert.deepEqual(await texts(resolverOf([dns]), 'here.test'), ['8.8.8.8']);
  const ofA = dns.heard.filter(({ type }) => type === 'A');
  assert.ok(ofA.length >= 2);
  assert.equal(new Set(ofA.map(({ port, id, spelling }) => `${port} ${id} ${spelling}`)).size, 1);
});

test('a silent server does not keep the next one from being asked', async (t) => {
  const silent = await openDns(t, () => ({ silent: true }));
  const other = await openDns(t, here);
  assert.deepEqual(await texts(resolverOf([silent, other]), 'here.test'), ['8.8.8.8']);
});

test('a server that fails, or that is not there, sends the question to the next one at once', async (t) => {
  const failing = await openDns(t, () => ({ rcode: SERVFAIL }));
  const gone = { server: `127.0.0.1:${CLOSED_PORT}` };
  const other = await openDns(t, here);
  assert.deepEqual(await texts(resolverOf([failing, gone, other]), 'here.test'), ['8.8.8.8']);
  assert.ok(failing.asked.length > 0);
  await assert.rejects(texts(resolverOf([failing]), 'here.test'), failsWith('dns-failed'));
});

test('a server that does not know EDNS is asked without it', async (t) => {
  const dns = await openDns(t, (asked) => (asked.edns ? { rcode: FORMERR } : here(asked)));
  assert.deepEqual(await texts(resolverOf([dns]), 'here.test'), ['8.8.8.8']);
});

test('an answer of FORMERR to a question without EDNS is a failure', async (t) => {
  const dns = await openDns(t, () => ({ rcode: FORMERR }));
  await assert.rejects(texts(resolverOf([dns]), 'here.test'), failsWith('dns-failed'));
});
