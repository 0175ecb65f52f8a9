/** Debian's Squid, for the same requests as ours: loopback only, no cache, no log but that of its own faults. */

import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../net/free-port.js';

export interface SquidProcess {
  readonly port: number;
  /** Asks who the client is, and takes any user and password. */
  readonly askingPort: number;
  stop(): Promise<void>;
}

/** `folder`: for its configuration and its log. `dns`: `address:port` of the only server that it asks. */
export async function startSquid(folder: string, dns: string): Promise<SquidProcess> {
  const own = join(folder, 'squid');
  await mkdir(own);
  // As root it gives its rights up to a user of its own.
  await chmod(folder, 0o755);
  await chmod(own, 0o777);
  const [port, askingPort] = [await freePort(), await freePort()];
  const relay = await relayDns(Number(dns.split(':').at(-1)));
  await writeFile(join(own, 'hosts'), '');
  await writeFile(join(own, 'squid.conf'), configuration(own, port, askingPort));
  const child = spawn('squid', ['-N', '-f', join(own, 'squid.conf')], { stdio: ['ignore', 'ignore', 'inherit'] });
  await Promise.race([once(child, 'spawn'), failure(child)]);
  await Promise.race([answers(port, child), failure(child)]);
  return {
    port,
    askingPort,
    async stop() {
      relay.close();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

function configuration(own: string, port: number, askingPort: number): string {
  return [
    `http_port 127.0.0.1:${port}`,
    `http_port 127.0.0.1:${askingPort}`,
    'auth_param basic program /usr/lib/squid/basic_fake_auth',
    'auth_param basic realm squid',
    `acl asking localport ${askingPort}`,
    'acl known proxy_auth REQUIRED',
    // It vets nothing by itself: without this, cases that we refuse would go to the addresses that they name.
    'acl here dst 127.0.0.0/8',
    'http_access deny !here',
    'http_access deny asking !known',
    'http_access allow all',
    `dns_nameservers ${DNS_ADDRESS}`,
    'visible_hostname squid.test',
    `hosts_file ${own}/hosts`,
    `cache_log ${own}/cache.log`,
    `coredump_dir ${own}`,
    'pid_filename none',
    'access_log none',
    'cache_store_log none',
    'netdb_filename none',
    'cache deny all',
    'cache_mem 8 MB',
    'memory_cache_shared off',
    'pinger_enable off',
    'max_filedescriptors 4096',
    'shutdown_lifetime 0 seconds',
    '',
  ].join('\n');
}

/** Squid asks port 53 only. An address of loopback that is nobody else's, so that this works beside a server of the machine. */
const DNS_ADDRESS = '127.0.0.9';

async function relayDns(to: number): Promise<dgram.Socket> {
  const relay = dgram.createSocket('udp4');
  relay.on('message', (query, from) => {
    const asking = dgram.createSocket('udp4');
    asking.on('message', (answer) => {
      relay.send(answer, from.port, from.address, () => asking.close());
    });
    asking.unref().send(query, to, '127.0.0.1');
  });
  relay.bind(53, DNS_ADDRESS);
  await once(relay, 'listening');
  return relay;
}

async function failure(child: ChildProcess): Promise<never> {
  child.once('error', () => child.emit('exit', 'not installed'));
  const [code] = await once(child, 'exit');
  throw new Error(`squid: ${code} before it listened`);
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = net.connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
