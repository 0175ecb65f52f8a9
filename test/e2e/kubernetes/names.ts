/** Run inside a namespace: the DNS of a cluster, which knows the names it is given, each with one address, and prints `ready`. */
import { createSocket } from 'node:dgram';
import { createServer, isIP } from 'node:net';
import dnsPacket from 'dns-packet';

const { names }: { names: Readonly<Record<string, string>> } = JSON.parse(process.argv[2] ?? '{}');

function answer(query: Buffer): Buffer {
  const { id = 0, questions = [] } = dnsPacket.decode(query);
  const [question] = questions;
  const name = question?.name ?? '';
  const data = names[name.toLowerCase()];
  const type = data !== undefined && isIP(data) === 6 ? 'AAAA' : 'A';
  return dnsPacket.encode({
    type: 'response',
    id,
    flags: dnsPacket.RECURSION_AVAILABLE | (data === undefined ? 3 : 0),
    questions,
    answers: data !== undefined && question?.type === type ? [{ type, name, ttl: 5, data }] : [],
  });
}

const socket = createSocket('udp6');
socket.on('message', (query, from) => socket.send(answer(query), from.port, from.address));
socket.bind(53, '::', () => {
  const server = createServer((client) => client.on('error', () => client.destroy()).pipe(client));
  server.listen(53, '::', () => process.stdout.write('ready\n'));
});
