/** An origin that is no HTTP server: every byte of it is the test's. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';

export interface RawOrigin {
  /** `127.0.0.1:port` */
  readonly authority: string;
  readonly port: number;
  readonly open: ReadonlySet<Socket>;
  /** How many pieces of data have come. */
  readonly heard: number;
  /** Resolves when something comes, or has come. */
  asked(): Promise<void>;
  close(): Promise<void>;
}

export async function startRawOrigin(answer: (socket: Socket, data: string) => void): Promise<RawOrigin> {
  const open = new Set<Socket>();
  let heard = 0;
  let wake: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    socket.on('data', (bytes) => {
      heard++;
      wake();
      answer(socket, bytes.toString('latin1'));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  return {
    authority: `127.0.0.1:${at.port}`,
    port: at.port,
    open,
    get heard() {
      return heard;
    },
    asked: () => asked,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The configuration that lets a proxy under test reach origins on this machine. */
export const LOOPBACK_OPEN = {
  policy: { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
} as const;

/** All that `socket` receives, when its other side has ended or is lost. */
export function untilEnd(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  socket.on('data', (bytes) => pieces.push(bytes));
  return new Promise((resolve) => {
    const done = (): void => resolve(Buffer.concat(pieces).toString('latin1'));
    socket.on('error', done).on('end', done).on('close', done);
  });
}

/** What `socket` has received, as soon as it holds `text`. */
export function untilText(socket: Socket, text: string): Promise<string> {
  let seen = '';
  return new Promise((resolve) => {
    const look = (bytes: Buffer): void => {
      seen += bytes.toString('latin1');
      if (!seen.includes(text)) return;
      socket.off('data', look);
      resolve(seen);
    };
    socket.on('data', look);
  });
}
