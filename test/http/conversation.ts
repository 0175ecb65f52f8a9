/** All that comes in on a connection, and a wait for a state of it. */
import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';

export interface Heard {
  /** As latin1. */
  readonly text: string;
  /** The peer has ended its side, or the connection is lost. */
  readonly ended: boolean;
}

export interface Conversation {
  readonly heard: Heard;
  until(done: (heard: Heard) => boolean): Promise<void>;
}

export function listenTo(socket: Socket): Conversation {
  const news = new EventEmitter();
  const parts: Buffer[] = [];
  let ended = false;
  const over = (): void => {
    ended = true;
    news.emit('news');
  };
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    news.emit('news');
  });
  socket.on('end', over).on('close', over);
  socket.on('error', () => undefined);
  const heard: Heard = {
    get text() {
      return Buffer.concat(parts).toString('latin1');
    },
    get ended() {
      return ended;
    },
  };
  return {
    heard,
    async until(done) {
      while (!done(heard)) await once(news, 'news');
    },
  };
}
