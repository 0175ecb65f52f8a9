/** Run inside a namespace: the DNS of a cluster, which knows the names it is given and prints `ready`. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import dnsPacket from 'dns-packet';

const { address, names }: { address: string; names: Readonly<Record<string, string>> } = JSON.parse(
  process.argv[2] ?? '{}',
);

function answer(query: Buffer): Buffer {
  const { id = 0, questions = [] } = dnsPacket.decode(query);
  const [question] = questions;
  const data = names[question?.name.toLowerCase() ?? ''];
  const found = data !== undefined && question?.type === 'A';
  return dnsPacket.encode({
    type: 'response',
    id,
    flags: dnsPacket.RECURSION_AVAILABLE | (data === undefined ? 3 : 0),
    questions,
    answers: found ? [{ type: 'A', name: question.name, ttl: 5, data }] : [],
  });
}

const socket = createSocket('udp4');
socket.on('message', (query, from) => socket.send(answer(query), from.port, from.address));
socket.bind(53, address, () => {
  const server = createServer((client) => client.on('error', () => client.destroy()).pipe(client));
  server.listen(53, address, () => process.stdout.write('ready\n'));
});
