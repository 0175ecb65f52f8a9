/** A situation of clients and an origin that is played through any proxy by its port, and says how it went. Every wait has an end. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { type Conversation, type Heard, listenTo } from '../../http/conversation.js';
import { startRawOrigin } from '../../http/raw-origin.js';

export interface Went {
  readonly isGood: boolean;
  readonly words: string;
}

export interface Situation {
  readonly name: string;
  play(ports: Ports): Promise<Went>;
}

/** Of one proxy: the second one asks every client who it is. */
export interface Ports {
  readonly port: number;
  readonly askingPort: number;
}

export const PIECES = 160;

export const PATIENCE_MS = 30_000;
const NOTHING = (): void => undefined;

type Client = Conversation & { readonly socket: Socket };
export type Script = (socket: Socket, all: string, connection: number) => void;
export interface Stage {
  readonly authority: string;
  readonly got: readonly string[];
  readonly port: number;
  client(how?: 'plain' | 'asked'): Promise<Client>;
  request(method: string, path: string, lines?: string): string;
}

export function situation(name: string, script: Script, act: (stage: Stage) => Promise<Went>): Situation {
  return {
    name,
    async play({ port, askingPort }) {
      const got: string[] = [];
      const sockets: Socket[] = [];
      const origin = await startRawOrigin((socket, text) => {
        if (!sockets.includes(socket)) sockets.push(socket);
        const at = sockets.indexOf(socket);
        got[at] = (got[at] ?? '') + text;
        script(socket, got[at] ?? '', at);
      });
      const clients: Socket[] = [];
      const { authority } = origin;
      try {
        return await act({
          authority,
          port: Number(authority.split(':')[1]),
          got,
          async client(how = 'plain') {
            const socket = net.connect({
              port: how === 'plain' ? port : askingPort,
              host: '127.0.0.1',
              allowHalfOpen: true,
            });
            clients.push(socket);
            await once(socket, 'connect');
            return Object.assign(listenTo(socket), { socket });
          },
          request: (method, path, lines = '') =>
            `${method} http://${authority}${path} HTTP/1.1\r\nHost: ${authority}\r\n${lines}\r\n`,
        });
      } finally {
        for (const socket of clients) socket.destroy();
        await origin.close();
      }
    },
  };
}

export async function reads(heard: Heard, until: Conversation['until'], wanted: RegExp): Promise<Went> {
  await atMost(
    PATIENCE_MS,
    until(({ text, ended }) => ended || wanted.test(text)),
  );
  const isGood = wanted.test(heard.text);
  const finals = [...heard.text.matchAll(/HTTP\/1\.[01] ([2-5]\d\d)/g)].map(([, status]) => status);
  return { isGood, words: `${finals.join(' ') || 'no answer'}${isGood ? '' : ', not what was asked for'}` };
}

/** False where it is not done in time. */
export async function atMost(ms: number, done: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isDone = await Promise.race([done.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}

/** As requests and Go do: nothing is read before all is written. A peer that takes nothing more is given up. */
export async function writeAll(socket: Socket, piece: Buffer): Promise<void> {
  for (let i = 0; i < PIECES && !socket.destroyed; i++) {
    if (socket.write(piece)) continue;
    const isTaken = Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(NOTHING);
    if (!(await atMost(PATIENCE_MS, isTaken))) return;
  }
}
