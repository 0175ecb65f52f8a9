/** A DNS server for tests, over UDP and TCP on one port of 127.0.0.1: what it answers, and how badly, is scripted. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { type Answer, decode, encode, type Packet, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from 'dns-packet';

export interface Asked {
  /** In lower case. */
  readonly name: string;
  /** As it came. */
  readonly spelling: string;
  readonly id: number;
  /** Where it came from. */
  readonly port: number;
  readonly edns: boolean;
  readonly type: string;
  readonly over: 'udp' | 'tcp';
  /** How often this name and type had been asked for before. */
  readonly before: number;
}

/** `silent`: no answer at all. `raw`: these bytes in place of an answer, after the id of the query. */
export interface Reply {
  readonly answers?: readonly Answer[];
  readonly rcode?: number;
  readonly truncated?: boolean;
  readonly silent?: boolean;
  readonly delayMs?: number;
  /** Not answered before this. */
  readonly after?: Promise<unknown>;
  /** So many answers with another id come first. */
  readonly guesses?: number;
  /** The question comes back in lower case, whatever case it had. */
  readonly lowersCase?: boolean;
  readonly raw?: Buffer;
}

export type Script = (asked: Asked) => Reply;

export interface FakeDns {
  /** For `dns.servers`. */
  readonly server: string;
  /** Each question once: where this process was slow for half a second, the resolver has asked the same one again. */
  readonly asked: readonly Asked[];
  /** With every repetition. */
  readonly heard: readonly Asked[];
  close(): Promise<void>;
}

const NAME_ERROR = 3;

/** `tcp` `refused`: connections are closed at once. */
export async function startFakeDns(script: Script, { tcp: overTcp = 'served' } = {}): Promise<FakeDns> {
  const asked: Asked[] = [];
  const heard: Asked[] = [];
  const questions = new Set<string>();
  const counts = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();
  let isClosed = false;
  const answer: Take = (query, over, port, send) => {
    const packet = decode(query);
    const question = packet.questions?.[0];
    if (question === undefined) return;
    const name = question.name.toLowerCase();
    const key = `${name} ${question.type}`;
    const before = counts.get(key) ?? 0;
    counts.set(key, before + 1);
    const edns = packet.additionals?.some(({ type }) => type === 'OPT') ?? false;
    const one = { name, spelling: question.name, id: packet.id ?? 0, port, edns, type: question.type, over, before };
    heard.push(one);
    // What is asked again has the id and the socket of the first time.
    const asking = `${over} ${port} ${one.id} ${one.type} ${one.spelling}`;
    if (!questions.has(asking)) asked.push(one);
    questions.add(asking);
    const reply = script(one);
    if (reply.silent) return;
    const bytes = encoded(packet, reply);
    const answerLater = (): void => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        for (let i = 1; i <= (reply.guesses ?? 0); i++) send(withId(bytes, one.id ^ i));
        send(bytes);
      }, reply.delayMs ?? 0);
      timers.add(timer);
    };
    if (reply.after === undefined) answerLater();
    else void reply.after.then(() => isClosed || answerLater());
  };
  const { udp, tcp, port } = await openBoth(answer);
  if (overTcp === 'refused') tcp.prependListener('connection', (socket) => socket.destroy());
  return {
    server: `127.0.0.1:${port}`,
    asked,
    heard,
    async close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

/** A script from a table: addresses by name, several for one name, `NXDOMAIN` for what it does not hold. */
export function table(names: Readonly<Record<string, readonly string[]>>, ttl = 60): Script {
  return ({ name, type }) => {
    const addresses = names[name];
    if (addresses === undefined) return { rcode: NAME_ERROR };
    const family = addresses.filter((text) => text.includes(':') === (type === 'AAAA'));
    if (type !== 'A' && type !== 'AAAA') return {};
    return { answers: family.map((data) => ({ type, name, data, ttl })) };
  };
}

type Take = (query: Buffer, over: Asked['over'], port: number, send: (bytes: Buffer) => void) => void;

/** One port for both: the one that TCP gets may be taken for UDP, and then another is tried. */
async function openBoth(take: Take): Promise<{ udp: dgram.Socket; tcp: net.Server; port: number }> {
  for (let tries = 0; ; tries++) {
    const tcp = await openTcp(take);
    const at = tcp.address();
    if (at === null || typeof at === 'string') throw new Error('no port');
    try {
      return { tcp, udp: await openUdp(take, at.port), port: at.port };
    } catch (error) {
      tcp.close();
      if (tries === 9) throw error;
    }
  }
}

async function openTcp(take: Take): Promise<net.Server> {
  const tcp = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      take(bytes.subarray(2), 'tcp', socket.remotePort ?? 0, (reply) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        if (socket.writable) socket.end(Buffer.concat([length, reply]));
      });
    });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  return tcp;
}

async function openUdp(take: Take, port: number): Promise<dgram.Socket> {
  // Room for all the questions of a flood: one that is lost is asked again half a second later at the earliest.
  const udp = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  udp.on('message', (query, from) => {
    take(query, 'udp', from.port, (reply) => udp.send(reply, from.port, from.address, () => undefined));
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  return udp;
}

function encoded(query: Packet, reply: Reply): Buffer {
  const flags = RECURSION_AVAILABLE | (reply.truncated === true ? TRUNCATED_RESPONSE : 0) | (reply.rcode ?? 0);
  const packet: Packet = { type: 'response', flags };
  if (query.id !== undefined) packet.id = query.id;
  const lower = (name: string): string => (reply.lowersCase === true ? name.toLowerCase() : name);
  if (query.questions !== undefined)
    packet.questions = query.questions.map((one) => ({ ...one, name: lower(one.name) }));
  if (reply.answers !== undefined) packet.answers = [...reply.answers];
  const bytes = encode(packet);
  return reply.raw === undefined ? bytes : Buffer.concat([bytes.subarray(0, 2), reply.raw]);
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id & 0xffff);
  return copy;
}
