/** A DNS server on loopback, UDP and TCP on one port, that answers as it is told and counts what it is asked. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import dnsPacket, { type Answer, type Packet, type Question } from 'dns-packet';

export interface FakeAnswer {
  readonly answers?: readonly Answer[];
  readonly rcode?: 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED';
  /** Only over UDP: an empty answer with the TC bit, so that the client asks again over TCP. */
  readonly truncated?: boolean;
}

/** `silence` sends nothing at all. A promise delays the answer. */
export type Script = (question: Question, transport: 'udp' | 'tcp') => FakeAnswer | 'silence' | Promise<FakeAnswer>;

export interface FakeDns {
  /** `127.0.0.1:port`. */
  readonly server: string;
  /** Every question that arrived, as `A name`. */
  readonly asked: string[];
  script: Script;
  close(): Promise<void>;
}

const AUTHORITATIVE_ANSWER = 1 << 10;
const TRUNCATED_RESPONSE = 1 << 9;
const RCODES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;

export async function startFakeDns(script: Script): Promise<FakeDns> {
  const tcp = net.createServer();
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const bound = tcp.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  const udp = dgram.createSocket('udp4');
  udp.bind(bound.port, '127.0.0.1');
  await once(udp, 'listening');
  const fake = { server: `127.0.0.1:${bound.port}`, asked: [] as string[], script };

  const respond = async (query: Packet, transport: 'udp' | 'tcp'): Promise<Packet | null> => {
    const question = query.questions?.[0];
    if (question === undefined) return null;
    fake.asked.push(`${question.type} ${question.name}`);
    const answer = await fake.script(question, transport);
    if (answer === 'silence') return null;
    const cut = answer.truncated === true && transport === 'udp';
    const flags = AUTHORITATIVE_ANSWER | (cut ? TRUNCATED_RESPONSE : 0) | (answer.rcode ? RCODES[answer.rcode] : 0);
    return {
      type: 'response',
      id: query.id ?? 0,
      flags,
      questions: [question],
      answers: cut ? [] : [...(answer.answers ?? [])],
    };
  };
  udp.on('message', async (message, { port, address }) => {
    const packet = await respond(dnsPacket.decode(message), 'udp');
    if (packet !== null) udp.send(dnsPacket.encode(packet), port, address);
  });
  tcp.on('connection', (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', async (chunk) => {
      const packet = await respond(dnsPacket.streamDecode(chunk), 'tcp');
      if (packet !== null) socket.write(dnsPacket.streamEncode(packet));
    });
  });
  return Object.assign(fake, {
    async close() {
      udp.close();
      tcp.close();
    },
  });
}

/** Answers A and AAAA questions from a table of names; what is not in it does not exist. */
export function zone(table: Readonly<Record<string, readonly string[]>>, ttl = 60): Script {
  return ({ name, type }) => {
    const addresses = table[name.toLowerCase()];
    if (addresses === undefined) return { rcode: 'NXDOMAIN' };
    const family = addresses.filter((address) => address.includes(':') === (type === 'AAAA'));
    if (type !== 'A' && type !== 'AAAA') return {};
    return { answers: family.map((data) => ({ name, type, ttl, data })) };
  };
}
