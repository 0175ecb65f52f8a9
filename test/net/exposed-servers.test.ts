import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsEvents } from '../../proxy/cli/serve/dns-events.js';
import { parsePrefix } from '../../proxy/core/address.js';
import { parseDnsServer, serverText } from '../../proxy/net/dns-server.js';
import { exposedServers } from '../../proxy/net/exposed-servers.js';

const interfaces = ['172.31.250.250/32', '172.20.0.3/32'].flatMap((text) => {
  const prefix = parsePrefix(text);
  return prefix === null ? [] : [{ address: prefix.address, bits: 24 }];
});

function servers(...all: readonly string[]) {
  return all.flatMap((text) => parseDnsServer(text) ?? []);
}

function exposed(hosts: readonly string[], ...all: readonly string[]): string[] {
  return exposedServers(servers(...all), hosts, interfaces).map(serverText);
}

test('a DNS server on the network of a tools door is exposed, one elsewhere is not', () => {
  const all = ['172.31.250.9', '172.20.0.9', '127.0.0.11', '9.9.9.9', '172.31.250.250'];
  assert.deepEqual(exposed(['172.31.250.250'], ...all), ['172.31.250.9']);
  assert.deepEqual(exposed(['0.0.0.0'], ...all), ['172.31.250.9', '172.20.0.9']);
  assert.deepEqual(exposed(['127.0.0.1'], ...all), []);
});

const config = {
  listen: { proxy: { host: '127.0.0.1', port: 3128 }, admin: null, socks: null },
  steer: { dns: null, http: null, tls: null },
};

test('a change of the servers is an event, and so is a Windows that names none', () => {
  const said: string[] = [];
  const take = (level: string) => (fields: object) => {
    said.push(`${level} ${'event' in fields ? fields.event : ''}`);
  };
  const on = dnsEvents({ info: take('info'), warn: take('warn') }, config, 'win32');
  on({ servers: servers('127.0.0.1'), search: [], ndots: 1 });
  on({ servers: servers('192.0.2.1'), search: [], ndots: 1 });
  assert.deepEqual(said, ['warn dns-servers-unknown', 'info dns-servers']);
});
