import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import dnsPacket from 'dns-packet';
import { leasesText } from '../../proxy/core/lease.js';
import { createLeases } from '../../proxy/door/leases.js';
import { wireHello } from '../tls/hello-bytes.js';
import { openOrigin, openStand, readAll, type Stand } from './stand.js';

function leaseFolder(context: TestContext): { folder: string; lease(server: string | null): void } {
  const folder = mkdtempSync(join(tmpdir(), 'egress-leases-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return {
    folder,
    lease(server) {
      const leases =
        server === null ? [] : [{ address: '127.0.0.1', server, client: null, container: `mcp-${server}-3f9a1c` }];
      writeFileSync(join(folder, 'next'), leasesText(leases));
      renameSync(join(folder, 'next'), join(folder, 'leases.json'));
    },
  };
}

/** What a client asks at each door for site.test. */
const ASKS: Readonly<Record<string, { readonly door: string; readonly wire: Buffer | string }>> = {
  connect: { door: 'proxy', wire: 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n' },
  absolute: { door: 'proxy', wire: 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n' },
  'steer-http': { door: 'steer.http', wire: 'GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n' },
  'steer-tls': { door: 'steer.tls', wire: wireHello({ sni: 'site.test' }) },
  socks: {
    door: 'socks',
    wire: Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 3, 9]), Buffer.from('site.test'), Buffer.from([1, 187])]),
  },
};

async function openLeased(context: TestContext, folder: string): Promise<Stand> {
  const port = await openOrigin(context, (socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
    socket.on('end', () => socket.end());
  });
  return openStand(context, () => port, {
    policy: 'default: none, sni: off, allow: [ { host: site.test, clients: [github] } ]',
    more: `guard: { leases: ${folder} }\nclients: [ { name: github, server: github }, { name: slack, server: slack } ]\n`,
  });
}

for (const [name, { door, wire }] of Object.entries(ASKS)) {
  test(`a lease names the client at the door ${name}, and a new one for the same address at once`, async (context) => {
    const { folder, lease } = leaseFolder(context);
    const stand = await openLeased(context, folder);
    const ask = async (): Promise<(string | null)[]> => {
      const socket = await stand.connect(door);
      socket.end(wire);
      await readAll(socket);
      const { outcome, client } = await stand.decision();
      return [outcome, client.name];
    };
    lease('github');
    assert.deepEqual(await ask(), ['allow', 'github']);
    lease('slack');
    assert.deepEqual(await ask(), ['deny', 'slack']);
    lease('other');
    assert.deepEqual(await ask(), ['deny', 'mcp-other-3f9a1c']);
    lease(null);
    assert.deepEqual(await ask(), ['deny', null]);
  });
}

test('a lease names the client at the DNS door', async (context) => {
  const { folder, lease } = leaseFolder(context);
  const stand = await openLeased(context, folder);
  const ask = async (): Promise<number> => {
    const query = dnsPacket.encode({ type: 'query', id: 1, flags: 256, questions: [{ type: 'A', name: 'site.test' }] });
    const socket = await stand.connect('steer.dns');
    socket.end(Buffer.concat([Buffer.from([0, query.length]), query]));
    const answer = await readAll(socket);
    return (answer[5] ?? 0) & 15;
  };
  lease('github');
  assert.equal(await ask(), 0);
  lease('slack');
  assert.equal(await ask(), 3);
  assert.equal((await stand.decision()).client.name, 'slack');
});

test('what is no lease file names nobody, and costs no request its answer', (context) => {
  const { folder } = leaseFolder(context);
  const leases = createLeases(folder);
  assert.equal(leases.of('127.0.0.1'), null);
  for (const text of [
    '',
    'null',
    '[]',
    '{"leases":5}',
    '{"leases":[null,5,{"address":"x","server":"a","container":"b"}]}',
  ]) {
    writeFileSync(join(folder, 'leases.json'), text);
    assert.equal(leases.of('127.0.0.1'), null, text);
  }
});

test('a token and a server are both needed where an entry has both', async (context) => {
  const { folder, lease } = leaseFolder(context);
  const stand = await openStand(context, () => 0, {
    more: `guard: { leases: ${folder} }\nclients: [ { name: github, server: github, token: secret-of-github } ]\n`,
  });
  const credentials = Buffer.from('github:secret-of-github').toString('base64');
  const ask = async (): Promise<unknown> => {
    const socket = await stand.connect('proxy');
    socket.write(
      `CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`,
    );
    await once(socket, 'data');
    socket.destroy();
    return (await stand.decision()).reason;
  };
  lease('slack');
  assert.equal(await ask(), 'client-unauthenticated');
  lease('github');
  assert.equal(await ask(), 'connect-refused');
});
