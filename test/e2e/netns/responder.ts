/** Run inside a namespace: answers TCP on the given ports and UDP on the given sockets; prints `ready`. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Endpoint } from './probe.js';

const { tcp, udp }: { tcp: readonly number[]; udp: readonly Endpoint[] } = JSON.parse(process.argv[2] ?? '{}');

await Promise.all([...tcp.map(listen), ...udp.map(bind)]);
process.stdout.write('ready\n');

function listen(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket))
      .on('error', reject)
      .listen(port, '::', resolve);
  });
}

/** A socket per address: the answer has to come from the address that was asked. */
function bind({ address, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (message, from) => socket.send(message, from.port, from.address));
    socket.on('error', reject);
    socket.bind(port, address, resolve);
  });
}
