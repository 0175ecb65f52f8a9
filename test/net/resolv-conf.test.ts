import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseDnsServer, serverText } from '../../proxy/net/dns-server.js';
import { type DnsSettings, parseResolvConf, windowsSettings } from '../../proxy/net/resolv-conf.js';
import { table } from '../http/fake-dns.js';
import { failsWith, name, openDns, resolverOf, texts } from './dns-stand.js';

function parsed(text: string, before: DnsSettings | null = null) {
  const { servers, search, ndots } = parseResolvConf(text, before);
  return { servers: servers.map(serverText), search, ndots };
}

test('servers, suffixes and ndots are read as resolv.conf(5) says', () => {
  const text = `# made by Docker
nameserver 127.0.0.11
nameserver fe80::1%eth0 ; the router
nameserver not-an-address
search one.test two.test
options edns0 trust-ad ndots:5`;
  assert.deepEqual(parsed(text), {
    servers: ['127.0.0.11', 'fe80::1%eth0'],
    search: ['one.test', 'two.test'],
    ndots: 5,
  });
});

test('three servers and six suffixes at most, and the last of search and domain', () => {
  const many = [1, 2, 3, 4, 5].map((i) => `nameserver 192.0.2.${i}`).join('\n');
  const suffixes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((label) => `${label}.test`).join(' ');
  assert.equal(parsed(many).servers.length, 3);
  assert.equal(parsed(`search ${suffixes}`).search.length, 6);
  assert.deepEqual(parsed('search a.test b.test\ndomain c.test').search, ['c.test']);
});

test('without a server it is the machine itself, and a file that is being written keeps the servers before it', () => {
  assert.deepEqual(parsed(''), { servers: ['127.0.0.1'], search: [], ndots: 1 });
  const before = parseResolvConf('nameserver 192.0.2.1', null);
  assert.deepEqual(parsed('# nothing yet', before).servers, ['192.0.2.1']);
});

test('a server is an address, with a port where one is given', () => {
  const read = (text: string) => {
    const server = parseDnsServer(text);
    return server === null ? null : serverText(server);
  };
  for (const text of ['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:5353'])
    assert.equal(read(text), text);
  for (const text of ['', 'localhost', '192.0.2.1:0', '192.0.2.1:70000', '[192.0.2.1', '::1:x']) {
    assert.equal(read(text), null, text);
  }
});

test('on Windows the servers are asked for again, and kept where none are found', () => {
  let time = 0;
  let answers = ['192.0.2.1'];
  const settings = windowsSettings(
    () => answers,
    () => time,
  );
  const servers = (): string[] => settings().servers.map(serverText);
  assert.deepEqual(servers(), ['192.0.2.1']);
  answers = ['192.0.2.2'];
  assert.deepEqual(servers(), ['192.0.2.1']);
  time = 5000;
  assert.deepEqual(servers(), ['192.0.2.2']);
  answers = [];
  time = 10_000;
  assert.deepEqual(servers(), ['192.0.2.2']);
});

async function resolvConf(context: TestContext, text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'egress-resolv-'));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'resolv.conf');
  const write = (content: string): Promise<void> => writeFile(path, content);
  await write(text);
  return { path, write };
}

test('another network has other servers and other answers', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const first = await openDns(t, table({ 'a.test': ['192.0.2.1'] }, 300));
  const second = await openDns(t, table({ 'a.test': ['192.0.2.20'] }, 300));
  const file = await resolvConf(t, `nameserver ${first.server}`);
  const told: string[][] = [];
  const resolver = resolverOf([], {
    resolvConfPath: file.path,
    onSettings: ({ servers }) => told.push(servers.map(serverText)),
  });
  assert.deepEqual(await texts(resolver, 'a.test'), ['192.0.2.1']);
  await file.write(`nameserver ${second.server}  # after the VPN came up`);
  t.mock.timers.tick(1000);
  assert.deepEqual(await texts(resolver, 'a.test'), ['192.0.2.20']);
  assert.deepEqual(told, [[first.server], [second.server]]);
});

test('what is known without DNS is no answer of another network, either', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const dns = await openDns(t, table({ 'a.test': ['192.0.2.1'] }, 300));
  const file = await resolvConf(t, `nameserver ${dns.server}`);
  const resolver = resolverOf([], { resolvConfPath: file.path });
  await texts(resolver, 'a.test');
  assert.equal(resolver.known?.(name('a.test'))?.length, 1);
  await file.write(`nameserver ${dns.server}  \nnameserver 192.0.2.53`);
  t.mock.timers.tick(1000);
  assert.equal(resolver.known?.(name('a.test')), null);
});

test('a question that is open when the network changes goes to the new server', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const silent = await openDns(t, () => ({ silent: true }));
  const other = await openDns(t, table({ 'a.test': ['192.0.2.20'] }));
  const file = await resolvConf(t, `nameserver ${silent.server}`);
  const asked = texts(resolverOf([], { resolvConfPath: file.path }), 'a.test');
  await file.write(`nameserver ${other.server}   # another length`);
  t.mock.timers.tick(1000);
  assert.deepEqual(await asked, ['192.0.2.20']);
});

function asCluster(server: string, ndots: number): string {
  return `nameserver ${server}\nsearch tools.svc.cluster.local cluster.local\noptions ndots:${ndots}`;
}

test('a short name is completed with the suffixes of the system, first or last as ndots says', async (t) => {
  const dns = await openDns(t, table({ 'n8n.cluster.local': ['10.96.0.7'] }));
  const asked = async (ndots: number): Promise<string[]> => {
    const before = dns.asked.length;
    const file = await resolvConf(t, asCluster(dns.server, ndots));
    assert.deepEqual(await texts(resolverOf([], { resolvConfPath: file.path }), 'n8n'), ['10.96.0.7']);
    return [...new Set(dns.asked.slice(before).map(({ name }) => name))];
  };
  assert.deepEqual(await asked(5), ['n8n.tools.svc.cluster.local', 'n8n.cluster.local']);
  assert.deepEqual(await asked(0), ['n8n', 'n8n.tools.svc.cluster.local', 'n8n.cluster.local']);
});

test('a name with a dot is never completed: no server of a suffix learns of it', async (t) => {
  const dns = await openDns(t, table({}));
  const file = await resolvConf(t, asCluster(dns.server, 5));
  await assert.rejects(texts(resolverOf([], { resolvConfPath: file.path }), 'api.test'), failsWith('name-not-found'));
  assert.deepEqual(new Set(dns.asked.map(({ name }) => name)), new Set(['api.test']));
});

test('a suffix never leads to a public address: a rule for the full name would not see it', async (t) => {
  const dns = await openDns(t, table({ 'intranet.cluster.local': ['8.8.8.8'] }));
  const file = await resolvConf(t, asCluster(dns.server, 1));
  await assert.rejects(texts(resolverOf([], { resolvConfPath: file.path }), 'intranet'), failsWith('name-not-found'));
});
