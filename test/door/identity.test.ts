import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openOrigin, openStand, readAll, type Stand } from './stand.js';

const TOKEN = 't0ken-of-git-1234567890';
const CLIENTS = `clients: [ { name: git, token: "${TOKEN}" } ]`;
const FOR_GIT = 'default: none, sni: "off", allow: [ { host: site.test, clients: [git] } ]';
const CHALLENGE = /^HTTP\/1\.1 407 .*\r\n(?:.*\r\n)*Proxy-Authenticate: Basic realm="/;

const basic = (user: string, password: string): string =>
  `Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}\r\n`;
const connectTo = (target: string, fields = ''): string =>
  `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${fields}\r\n`;
const get = (target: string, fields = ''): string =>
  `GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\nConnection: close\r\n${fields}\r\n`;

test('a client that waits for a challenge gets one where credentials would change the answer', async (t) => {
  const stand = await standWith(t, FOR_GIT);
  for (const request of [connectTo('site.test:443'), get('site.test')]) {
    const refused = await exchange(stand, request);
    assert.match(refused, CHALLENGE);
    const record = await stand.decision();
    assert.deepEqual(
      [record.outcome, record.reason, record.rule, record.status, record.client.name],
      ['deny', 'client-unauthenticated', 'default', 407, null],
    );
  }
  assert.deepEqual([stand.queries, stand.dials], [[], []], 'nothing was asked of DNS for somebody unknown');
  const request = connectTo('site.test:443', basic('git', TOKEN));
  assert.match(await exchange(stand, request), /^HTTP\/1\.1 200 /);
  assert.equal((await stand.decision()).client.name, 'git');
});

test('a challenged CONNECT is closed, so that the client comes back on a connection of its own', async (t) => {
  const stand = await standWith(t, FOR_GIT);
  assert.match(await exchange(stand, connectTo('site.test:443')), /\r\nConnection: close\r\n/);
});

test('who is known gets no challenge, and nobody does where no credentials would help', async (t) => {
  const policy = 'default: none, sni: "off", allow: [ { host: site.test, clients: [git] }, { host: private.test } ]';
  const stand = await standWith(t, policy);
  const cases = [
    [connectTo('other.test:443'), 403, 'host-not-allowed'],
    [connectTo('other.test:443', basic('git', TOKEN)), 403, 'host-not-allowed'],
    [connectTo('private.test:443'), 403, 'address-prohibited'],
    [connectTo('169.254.169.254:80'), 403, 'metadata-address'],
    [connectTo('site.test:443', basic('git', 'wrong')), 407, 'client-unauthenticated'],
  ] as const;
  for (const [request, status, reason] of cases) {
    assert.match(await exchange(stand, request), new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal((await stand.decision()).reason, reason);
  }
});

test('what DNS answers decides, too: a client whose exception opens the address is challenged after the answer', async (t) => {
  const policy = 'default: public, internal: [ { host: private.test, ports: [443], clients: [git] } ]';
  const stand = await standWith(t, policy);
  const challenged = await exchange(stand, connectTo('private.test:443'));
  assert.match(challenged, CHALLENGE);
  assert.deepEqual(stand.queries, ['private.test']);
  assert.equal((await stand.decision()).rule, 'special:10.0.0.0/8');
  assert.doesNotMatch(challenged, /10\.0\.0/, 'the challenge says nothing of the answer');
});

test('a client with a default of its own is challenged for', async (t) => {
  const clients = `clients: [ { name: git, token: "${TOKEN}", default: public } ]`;
  const stand = await standWith(t, 'default: none', clients);
  assert.match(await exchange(stand, connectTo('site.test:443')), CHALLENGE);
});

test('where a name is required, leaving the credentials out helps at no door', async (t) => {
  const stand = await standWith(t, 'default: public, sni: "off", clients: required');
  for (const request of [connectTo('site.test:443'), get('site.test'), connectTo('10.0.0.1:80')]) {
    assert.match(await exchange(stand, request), CHALLENGE);
    assert.equal((await stand.decision()).reason, 'client-unauthenticated');
  }
  const socks = await stand.connect('socks');
  socks.end(Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 3, 9]), Buffer.from('site.test'), Buffer.from([0, 80])]));
  assert.deepEqual([...(await readAll(socks))].slice(0, 4), [5, 0, 5, 2]);
  const steered = await exchange(stand, 'GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n', 'steer.http');
  assert.match(steered, /^HTTP\/1\.1 403 /);
  for (const door of ['socks', 'steer-http']) {
    const record = await stand.decision();
    assert.deepEqual([record.door, record.reason, record.rule], [door, 'client-required', 'clients']);
  }
  assert.deepEqual([stand.dials, stand.queries], [[], []]);
  assert.match(await exchange(stand, connectTo('site.test:80', basic('git', TOKEN))), /^HTTP\/1\.1 200 /);
});

test('where a name is required and none can be given, the refusal is no challenge', async (t) => {
  const stand = await standWith(
    t,
    'default: public, clients: required',
    'clients: [ { name: nas, address: 10.9.9.9 } ]',
  );
  assert.match(await exchange(stand, connectTo('site.test:443')), /^HTTP\/1\.1 403 Egress denied: client-required/);
});

test('a client that is known by its address has the name that is required', async (t) => {
  const clients = 'clients: [ { name: here, address: 127.0.0.1 } ]';
  const stand = await standWith(t, 'default: public, sni: "off", clients: required', clients);
  assert.match(await exchange(stand, connectTo('site.test:443')), /^HTTP\/1\.1 200 /);
  assert.equal((await stand.decision()).client.name, 'here');
});

test('mode report challenges nobody, and notes what it would', async (t) => {
  const stand = await standWith(t, 'default: public, sni: "off", mode: report, clients: required');
  assert.match(await exchange(stand, connectTo('site.test:443')), /^HTTP\/1\.1 200 /);
  const record = await stand.decision();
  assert.deepEqual([record.outcome, record.reason, record.rule], ['allow', 'client-required', 'clients']);
});

test('an empty password does not identify a client', async (t) => {
  const stand = await standWith(t, 'default: public, sni: "off"');
  assert.match(await exchange(stand, connectTo('site.test:443', basic('root', ''))), /^HTTP\/1\.1 200 /);
  assert.equal((await stand.decision()).client.name, null);
  const closed = await standWith(t, FOR_GIT);
  assert.match(await exchange(closed, connectTo('site.test:443', basic('git', ''))), CHALLENGE);
});

async function standWith(t: TestContext, policy: string, more = CLIENTS): Promise<Stand> {
  const origin = await openOrigin(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  return openStand(t, () => origin, { policy, more });
}

async function exchange(stand: Stand, request: string, door = 'proxy'): Promise<string> {
  const socket: Socket = await stand.connect(door);
  socket.end(request);
  return (await readAll(socket)).toString('latin1');
}
