/** Clients of the doors that the load generator does not speak to, for counts.ts: SOCKS, and TLS that is steered here. */
import { once } from 'node:events';
import net, { type Server, type Socket } from 'node:net';
import { wireHello } from '../tls/hello-bytes.js';
import { ORIGIN_ADDRESS, ORIGIN_NAME } from './sandbox.js';

/** What one client says in turn, and how many octets it waits for after each. */
type Talk = readonly (readonly [say: Buffer, octets: number])[];

/** A tunnel to `port` of the origin, one round trip, the end. */
export function socksTalk(port: number): Talk {
  const request = Buffer.from([5, 1, 0, 1, ...ORIGIN_ADDRESS.split('.').map(Number), port >> 8, port & 0xff]);
  // A greeting with no authentication; the origin answers P with one octet.
  return [
    [Buffer.from([5, 1, 0]), 2],
    [request, 10],
    [Buffer.from('P'.padEnd(9, '\0')), 1],
  ];
}

/** A ClientHello, to which `echoOrigin` answers. */
export function steeredTalk(): Talk {
  return [[wireHello({ sni: ORIGIN_NAME }), 1]];
}

export async function talk(port: number, says: Talk, count: number, connections: number): Promise<void> {
  const repeat = async (): Promise<void> => {
    for (let i = 0; i < count; i++) await visit(port, says);
  };
  await Promise.all(Array.from({ length: connections }, repeat));
}

async function visit(port: number, says: Talk): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  const closed = once(socket, 'close');
  for (const [say, octets] of says) {
    socket.write(say);
    await took(socket, octets);
  }
  socket.end();
  await closed;
}

async function took(socket: Socket, octets: number): Promise<void> {
  for (let left = octets; left > 0; ) {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) await once(socket, 'readable');
    left -= bytes?.length ?? 0;
    if (socket.readableEnded && left > 0) throw new Error('the door has closed');
  }
}

/** Answers each first piece with one octet, where steered clients are led: port 443. Null: that is not to be had. */
export async function echoOrigin(): Promise<Server | null> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.write('K')).on('end', () => socket.end());
  });
  server.listen(443, ORIGIN_ADDRESS);
  const isListening = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]);
  return isListening ? server : null;
}
