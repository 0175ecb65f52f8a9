/**
 * Run inside a namespace: the DNS of a cluster, which knows the names it is given, each with an
 * address or with the name that it is another one of, and prints `ready`.
 */
import { createSocket } from 'node:dgram';
import { createServer, isIP } from 'node:net';
import dnsPacket, { type Answer } from 'dns-packet';

const { names }: { names: Readonly<Record<string, string>> } = JSON.parse(process.argv[2] ?? '{}');

function answer(query: Buffer): Buffer {
  const { id = 0, questions = [] } = dnsPacket.decode(query);
  const [question] = questions;
  const name = question?.name.toLowerCase() ?? '';
  return dnsPacket.encode({
    type: 'response',
    id,
    flags: dnsPacket.RECURSION_AVAILABLE | (names[name] === undefined ? 3 : 0),
    questions,
    answers: answersFor(name, question?.type ?? ''),
  });
}

function answersFor(name: string, type: string): Answer[] {
  const data = names[name];
  if (data === undefined) return [];
  if (isIP(data) === 0) return [{ type: 'CNAME', name, ttl: 5, data }, ...answersFor(data, type)];
  const own = isIP(data) === 6 ? 'AAAA' : 'A';
  return own === type ? [{ type: own, name, ttl: 5, data }] : [];
}

const socket = createSocket('udp6');
socket.on('message', (query, from) => socket.send(answer(query), from.port, from.address));
socket.bind(53, '::', () => {
  const server = createServer((client) => client.on('error', () => client.destroy()).pipe(client));
  server.listen(53, '::', () => process.stdout.write('ready\n'));
});
