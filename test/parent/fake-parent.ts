/** A parent proxy on 127.0.0.1 that leads every request for a tunnel to one origin, and says what it was asked for. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';

export interface FakeParent {
  readonly port: number;
  /** What was asked: `address:port` or `name:port`, with the credentials before an @ where there were any. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export interface FakeParentOptions {
  readonly protocol: 'http' | 'socks5';
  /** The port of the origin on 127.0.0.1. */
  readonly to: number;
  /** `user:password`, without which it refuses. */
  readonly credentials?: string;
  /** What it answers in place of opening the tunnel: a status of HTTP, a reply of SOCKS. */
  readonly refuses?: (asked: string) => number | null;
  /** Says nothing at all. */
  readonly isSilent?: boolean;
}

export async function startFakeParent(options: FakeParentOptions): Promise<FakeParent> {
  const asked: string[] = [];
  const open = new Set<Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    if (options.isSilent === true) return void socket.resume();
    if (options.protocol === 'http') serveHttp(socket, options, asked);
    else serveSocks(socket, options, asked);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  return {
    port: at.port,
    asked,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function serveHttp(socket: Socket, { to, credentials, refuses }: FakeParentOptions, asked: string[]): void {
  let head = '';
  const onData = (bytes: Buffer): void => {
    head += bytes.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    socket.off('data', onData);
    const [, authority = ''] = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head) ?? [];
    const [, given] = /^Proxy-Authorization: Basic (\S+)\r$/m.exec(head) ?? [];
    const who = given === undefined ? '' : Buffer.from(given, 'base64').toString();
    asked.push(who === '' ? authority : `${who}@${authority}`);
    const status = credentials !== undefined && who !== credentials ? 407 : (refuses?.(authority) ?? 200);
    // A head in two pieces, and an interim response before it.
    socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ');
    socket.write(`${status} x\r\nVia: 1.1 parent\r\n\r\n`);
    if (status === 200) join(socket, to);
    else socket.end();
  };
  socket.on('data', onData);
}

function serveSocks(socket: Socket, options: FakeParentOptions, asked: string[]): void {
  let held = Buffer.alloc(0);
  let wake = (): void => undefined;
  const onData = (bytes: Buffer): void => {
    held = Buffer.concat([held, bytes]);
    wake();
  };
  const take = async (length: number): Promise<Buffer> => {
    while (held.length < length) await new Promise<void>((resolve) => (wake = resolve));
    const taken = held.subarray(0, length);
    held = held.subarray(length);
    return taken;
  };
  socket.on('data', onData);
  talkSocks(socket, take, options, asked).then(
    (isOpen) => {
      socket.off('data', onData);
      if (isOpen) join(socket, options.to);
      else socket.end();
    },
    () => socket.destroy(),
  );
}

async function talkSocks(
  socket: Socket,
  take: (length: number) => Promise<Buffer>,
  { credentials, refuses }: FakeParentOptions,
  asked: string[],
): Promise<boolean> {
  const methods = await take((await take(2))[1] ?? 0);
  const method = credentials === undefined ? 0 : 2;
  socket.write(Buffer.from([5, methods.includes(method) ? method : 0xff]));
  if (!methods.includes(method)) return false;
  let who = '';
  if (method === 2) {
    const user = (await take((await take(2))[1] ?? 0)).toString();
    const password = (await take((await take(1))[0] ?? 0)).toString();
    who = `${user}:${password}@`;
    socket.write(Buffer.from([1, who === `${credentials}@` ? 0 : 1]));
    if (who !== `${credentials}@`) return false;
  }
  const type = (await take(4))[3];
  const length = type === 1 ? 4 : type === 4 ? 16 : ((await take(1))[0] ?? 0);
  const host = await take(length);
  const text = type === 1 ? host.join('.') : type === 4 ? host.toString('hex') : host.toString();
  const authority = `${text}:${(await take(2)).readUInt16BE()}`;
  asked.push(`${who}${authority}`);
  const reply = refuses?.(authority) ?? 0;
  socket.write(Buffer.from([5, reply, 0, 3, 1, 0x78, 0, 0]));
  return reply === 0;
}

function join(socket: Socket, port: number): void {
  const origin = net.connect({ host: '127.0.0.1', port });
  origin.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  socket.on('close', () => origin.destroy());
  origin.pipe(socket);
  socket.pipe(origin);
}
