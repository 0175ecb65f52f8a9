/** What is granted for a private name is granted at the addresses that somebody saw and confirmed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { allowCommand } from '../../proxy/cli/decide.js';
import { startFakeDns, table } from '../http/fake-dns.js';
import { LISTEN, request, startInstance } from './instance.js';
import { patient } from './patient.js';
import { type Ran, runCommand } from './run-command.js';

/** How long a lookup for a grant may take. */
const LOOK_UP_MS = 3000;
const TOKEN = '0123456789abcdef-admin';
const NAS = { effect: 'allow', host: 'nas.test', ports: [9] };

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the API, which the assertions look into.
  readonly body: any;
}

interface Stand {
  readonly state: string;
  /** What DNS says of nas.test from now on; resolves when the proxy knows. */
  moves(...addresses: string[]): Promise<void>;
  post(path: string, body: object): Promise<Answer>;
  /** The command `allow`. */
  allow(...argv: string[]): Promise<Ran>;
  /** Reason and rule of the refusal that a request for nas.test gets. */
  refusal(): Promise<string>;
}

async function stand(t: TestContext, kept?: object): Promise<Stand> {
  const names: Record<string, string[]> = { 'nas.test': ['192.168.77.5'] };
  const dns = await startFakeDns((asked) => table(names, 0)(asked));
  t.after(() => dns.close());
  const state = await mkdtemp(join(tmpdir(), 'egress-confirmed-'));
  t.after(() => rm(state, { recursive: true }));
  if (kept !== undefined) await writeFile(join(state, 'grants.json'), JSON.stringify(kept));
  // What is let through goes to a parent proxy that hangs up, and leaves this machine by no way.
  const parent = net.createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(parent, 'listening');
  t.after(() => parent.close());
  const { port } = parent.address() as AddressInfo;
  const upstream = `upstream: { proxy: "http://127.0.0.1:${port}" }`;
  const yaml = `${LISTEN}admin: { token: ${TOKEN} }\ndns: { servers: ["${dns.server}"], timeout: 60s }\n${upstream}\npolicy: { default: none, internal: [{ host: nas.test, ports: [10] }] }\n`;
  const instance = await startInstance(t, yaml, { EGRESS_STATE: state, ...patient(LOOK_UP_MS) });
  const path = join(state, 'policy.yaml');
  await writeFile(
    path,
    `version: 1\nlisten: { admin: "${new URL(instance.admin).host}" }\nadmin: { token: ${TOKEN} }\n`,
  );
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const post = async (path: string, body: object): Promise<Answer> => {
    const response = await fetch(`${instance.admin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  return {
    state,
    async moves(...addresses) {
      names['nas.test'] = addresses;
      // What the proxy knows is good for a second.
      for (let known = ''; known !== String(addresses); )
        known = String((await post('/v1/check', { target: 'nas.test:10' })).body.addresses);
    },
    post,
    allow: (...argv) => runCommand(allowCommand, [...argv, '--for', '1h', '--config', path]),
    async refusal() {
      const logged = instance.line(/"event":"decision"/);
      await request(instance.proxy, 'http://nas.test:9/');
      const { outcome, reason, rule } = JSON.parse(await logged);
      return outcome === 'deny' ? `${reason} ${rule}` : 'not refused';
    },
  };
}

test('a private name is opened at the addresses that were shown, and at a new one it is refused until that is confirmed', async (t) => {
  const { moves, post, refusal } = await stand(t);
  const first = await post('/v1/grants', { ...NAS, for: '1h' });
  assert.deepEqual([first.status, first.body.error, first.body.addresses], [409, 'confirm-internal', ['192.168.77.5']]);
  const made = await post('/v1/grants', { ...NAS, for: '1h', confirm: 'internal', addresses: first.body.addresses });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.deepEqual(made.body.grant.addresses, ['192.168.77.5']);
  assert.equal(await refusal(), 'not refused');
  await moves('192.168.77.1');
  assert.equal(await refusal(), `address-not-confirmed grant:${made.body.grant.id}`);
  const again = await post('/v1/grants', { ...NAS, for: '1h' });
  assert.deepEqual([again.status, again.body.addresses], [409, ['192.168.77.1']]);
  const moved = await post('/v1/grants', { ...NAS, for: '1h', confirm: 'internal', addresses: again.body.addresses });
  assert.equal(moved.status, 201);
  assert.equal(await refusal(), 'not refused');
  await moves('192.168.77.5');
  assert.equal(
    await refusal(),
    `address-not-confirmed grant:${moved.body.grant.id}`,
    'the new one replaced the old one',
  );
});

test('a confirmation that does not say what it confirms gets the addresses, from a program as from a command', async (t) => {
  const { post, refusal, allow } = await stand(t);
  for (const addresses of [undefined, [], null]) {
    const { status, body } = await post('/v1/grants', { ...NAS, for: '1h', confirm: 'internal', addresses });
    assert.deepEqual([status, body.error, body.addresses], [409, 'confirm-internal', ['192.168.77.5']]);
  }
  const blind = await allow('nas.test:9', '--internal');
  assert.equal(blind.code, 1);
  assert.match(
    blind.err,
    /^egress-proxy: 192\.168\.77\.5: .* repeat this with --internal --addresses 192\.168\.77\.5$/m,
  );
  assert.match(await refusal(), /^host-not-allowed /);
  const other = await allow('nas.test:9', '--internal', '--addresses', '192.168.77.1');
  assert.equal(other.code, 1);
  const seen = await allow('nas.test:9', '--internal', '--addresses', '192.168.77.5');
  assert.equal(seen.code, 0, seen.err);
  assert.equal(await refusal(), 'not refused');
});

test('a private address that is named itself needs nothing but the confirmation', async (t) => {
  const { post, allow } = await stand(t);
  const { status } = await post('/v1/grants', { ...NAS, host: '192.168.77.9', for: '1h', confirm: 'internal' });
  assert.equal(status, 201);
  assert.equal((await allow('192.168.77.8:9', '--internal')).code, 0);
});

test('a name that moves between the question and the confirmation is asked about again', async (t) => {
  const { moves, post, refusal } = await stand(t);
  const { addresses } = (await post('/v1/grants', { ...NAS, once: true })).body;
  await moves('192.168.77.1');
  const late = await post('/v1/grants', { ...NAS, once: true, confirm: 'internal', addresses });
  assert.deepEqual([late.status, late.body.error, late.body.addresses], [409, 'confirm-internal', ['192.168.77.1']]);
  assert.match(late.body.explanation, /another address by now/);
  assert.match(await refusal(), /^host-not-allowed /);
});

test('a private name that is public by the time it is confirmed is asked about again', async (t) => {
  const { moves, post, refusal } = await stand(t);
  const { addresses } = (await post('/v1/grants', { ...NAS, for: '1h' })).body;
  await moves('93.184.216.34');
  const late = await post('/v1/grants', { ...NAS, for: '1h', confirm: 'internal', addresses });
  assert.deepEqual([late.status, late.body.error, late.body.addresses], [409, 'confirm-internal', ['93.184.216.34']]);
  assert.match(await refusal(), /^host-not-allowed /);
  const shown = { confirm: 'internal', addresses: late.body.addresses };
  const { status, body } = await post('/v1/grants', { ...NAS, for: '1h', ...shown });
  assert.deepEqual([status, body.grant.internal, body.grant.addresses], [201, false, null]);
});

test('a private name without an address cannot be confirmed, and one with too many neither', async (t) => {
  const { moves, post } = await stand(t);
  await moves();
  const none = await post('/v1/grants', { ...NAS, confirm: 'internal' });
  assert.deepEqual([none.status, none.body.error], [409, 'no-address']);
  await moves(...Array.from({ length: 17 }, (_, i) => `192.168.77.${i + 1}`));
  const many = await post('/v1/grants', { ...NAS, confirm: 'internal' });
  assert.deepEqual([many.status, many.body.error], [409, 'no-address']);
  const odd = await post('/v1/grants', { ...NAS, addresses: ['192.168.77.1'] });
  assert.deepEqual([odd.status, odd.body.error], [400, 'bad-request']);
});

test('what is granted once for a client is kept by the address that its connections have, however that is written', async (t) => {
  const { post } = await stand(t);
  for (const [given, kept] of [
    ['172.31.250.7', '172.31.250.7'],
    ['::ffff:172.31.250.7', '172.31.250.7'],
    ['FD00::0:7', 'fd00::7'],
  ] as const) {
    const { body } = await post('/v1/grants', { effect: 'allow', host: '*.example', once: true, clientAddress: given });
    assert.equal(body.grant.clientAddress, kept, given);
  }
  const zone = await post('/v1/grants', { ...NAS, once: true, clientAddress: 'fe80::1%eth0' });
  assert.deepEqual([zone.status, zone.body.error], [400, 'bad-request']);
});

test('a private name that is allowed forever stays a grant for its addresses: a rule of the file would be wider', async (t) => {
  const { moves, post, refusal } = await stand(t);
  await moves('192.168.77.5', 'fd00:77::5');
  const { status, body } = await post('/v1/grants', {
    ...NAS,
    confirm: 'internal',
    addresses: ['fd00:77::5', '192.168.77.5'],
  });
  assert.equal(status, 201, JSON.stringify(body));
  assert.deepEqual([body.grant.inFile, body.file.applied, body.grant.expires], [false, false, null]);
  assert.match(body.file.explanation, /any private address/);
  assert.deepEqual(body.grant.addresses, ['192.168.77.5', 'fd00:77::5']);
  assert.equal(await refusal(), 'not refused');
  await moves('192.168.77.1');
  assert.match(await refusal(), /^address-not-confirmed /);
});

test('a state file of before has no addresses: its private names open nothing until they are confirmed', async (t) => {
  const old = {
    ...{ id: 'old', effect: 'allow', client: null, host: 'nas.test', address: null, ports: [9], internal: true },
    ...{ once: false, created: '2026-01-01T00:00:00.000Z', expires: null, by: 'page', why: null, from: null },
    ...{ inFile: false, section: 'internal', line: '- { host: "nas.test", ports: [9] }' },
  };
  const { post, refusal, state } = await stand(t, { version: 1, grants: [old], pauses: [] });
  assert.equal(await refusal(), 'address-not-confirmed grant:old');
  assert.equal(
    (await post('/v1/grants', { ...NAS, for: '1h', confirm: 'internal', addresses: ['192.168.77.5'] })).status,
    201,
  );
  assert.equal(await refusal(), 'not refused');
  const { grants } = JSON.parse(await readFile(join(state, 'grants.json'), 'utf8'));
  assert.deepEqual(
    grants.map(({ addresses }: { addresses: string[] }) => addresses),
    [['192.168.77.5']],
  );
});
