import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openStand, readAll, type Stand } from '../door/stand.js';

const TOKEN = 't0ken-of-git-1234567890';
const CLIENTS = `clients: [ { name: git, token: "${TOKEN}" } ]`;
const AS_GIT = `Proxy-Authorization: Basic ${Buffer.from(`git:${TOKEN}`).toString('base64')}\r\n`;
const REFUSED = ['private.test', 'mixed.test', 'metadata.test', 'denied.test', 'site.test'];
/** Every address that DNS gives out here, every range that one is in, and every rule for one. */
const ANSWERS = /10\.0\.0|93\.184|169\.254|127\.0\.0|RFC 1918|link-local|AWS|deny\[|special:|never:/;
const POLICY = 'default: public, deny: [ { address: 93.184.215.15/32 } ]';

test('a client that no entry names learns nothing of what DNS answered, on any road', async (t) => {
  const stand = await standWith(t, POLICY);
  for (const host of REFUSED) {
    for (const request of [connectTo(host), get(host)]) {
      const answer = await exchange(stand, request);
      assert.doesNotMatch(answer, ANSWERS, host);
      const body = bodyOf(answer);
      assert.deepEqual([body.addresses, body.host], [[], host]);
      assert.ok(typeof body.explanation === 'string' && body.explanation.startsWith(`${host}:`));
    }
  }
  assert.ok(
    stand.decisions.every(({ addresses, host }) => addresses.length > 0 || host === 'denied.test'),
    'the log has the addresses',
  );
  assert.equal(stand.decisions[0]?.rule, 'special:10.0.0.0/8');
});

test('a client that an entry names is shown the addresses, the range and the rule', async (t) => {
  const stand = await standWith(t, POLICY);
  const answer = await exchange(stand, connectTo('private.test', AS_GIT));
  const { addresses, rule, explanation } = bodyOf(answer);
  assert.deepEqual([addresses, rule], [['10.0.0.7'], 'special:10.0.0.0/8']);
  assert.match(String(explanation), /10\.0\.0\.7.*RFC 1918/);
  assert.match(answer, /^HTTP\/1\.1 403 Egress denied: address-prohibited private\.test \(10\.0\.0\.7\)\r\n/);
});

test('policy.showAddresses says who is shown them', async (t) => {
  const all = await standWith(t, `${POLICY}, showAddresses: all`);
  assert.deepEqual(bodyOf(await exchange(all, connectTo('private.test'))).addresses, ['10.0.0.7']);
  const none = await standWith(t, `${POLICY}, showAddresses: none`);
  assert.deepEqual(bodyOf(await exchange(none, connectTo('private.test', AS_GIT))).addresses, []);
});

test('an address that the client has written itself is no secret', async (t) => {
  const stand = await standWith(t, POLICY);
  const { addresses, rule } = bodyOf(await exchange(stand, connectTo('10.0.0.1')));
  assert.deepEqual([addresses, rule], [['10.0.0.1'], 'special:10.0.0.0/8']);
});

test('a refusal says that it denies, a failure that it failed', async (t) => {
  const stand = await standWith(t, POLICY);
  assert.equal(bodyOf(await exchange(stand, connectTo('private.test'))).error, 'egress-denied');
  for (const [host, reason] of [
    ['nowhere.test', 'name-not-found'],
    ['site.test', 'connect-refused'],
  ] as const) {
    const body = bodyOf(await exchange(stand, connectTo(host)));
    assert.deepEqual([body.error, body.reason], ['egress-failed', reason]);
  }
});

test('a refusal by a deny rule for an address says so', async (t) => {
  const stand = await standWith(t, POLICY);
  const body = bodyOf(await exchange(stand, connectTo('93.184.215.15', AS_GIT)));
  assert.deepEqual([body.reason, body.rule], ['address-denied', 'deny[0]']);
  assert.match(String(body.explanation), /A deny rule names this address\. Rule: policy\.deny\[0\]\.$/);
});

test('the empty port of a URL is the one of its scheme, and of a Host field none; CONNECT needs one', async (t) => {
  const stand = await standWith(t, POLICY);
  await exchange(stand, get('site.test:'));
  assert.equal((await stand.decision()).port, 80);
  assert.match(
    await exchange(stand, 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:\r\n\r\n'),
    / connect-refused /,
  );
  assert.match(await exchange(stand, 'CONNECT site.test: HTTP/1.1\r\nHost: site.test\r\n\r\n'), / malformed-target/);
});

test('a Host field that names the proxy is passed over in a CONNECT: the target counts', async (t) => {
  const stand = await standWith(t, POLICY);
  const port = stand.port('proxy');
  const own = [`127.0.0.1:${port}`, '127.0.0.1', `proxy.test:${port}`, 'egress-proxy', 'localhost', `[::1]:${port}`];
  for (const host of own) {
    const answer = await exchange(stand, `CONNECT site.test:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.match(answer, / connect-refused site\.test/, host);
  }
  for (const host of ['other.test', 'other.test:443', '127.0.0.2', 'egress-proxy:443', `127.0.0.1:${port + 1}`]) {
    const answer = await exchange(stand, `CONNECT site.test:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.match(answer, / host-mismatch/, host);
  }
});

test('a name whose labels begin or end with a hyphen is resolved like any other', async (t) => {
  const stand = await standWith(t, POLICY);
  for (const host of ['-a.test', 'a-.test', 'r3---sn-.test']) {
    assert.match(await exchange(stand, connectTo(host)), / name-not-found /);
  }
  assert.deepEqual(stand.queries, ['-a.test', 'a-.test', 'r3---sn-.test']);
});

function connectTo(host: string, fields = ''): string {
  return `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n${fields}\r\n`;
}

function get(authority: string): string {
  return `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`;
}

/** Nothing listens at the port that stands in for every origin. */
function standWith(t: TestContext, policy: string): Promise<Stand> {
  return openStand(t, () => 1, { policy, more: CLIENTS });
}

async function exchange(stand: Stand, request: string): Promise<string> {
  const socket = await stand.connect('proxy');
  socket.end(request);
  return (await readAll(socket)).toString('latin1');
}

function bodyOf(answer: string): Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
}
