/** Origins on 127.0.0.1: one that keeps to the protocol and tells what it got, and one that answers given bytes. */
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import net from 'node:net';

export interface Origin {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly authority: string;
  /** Requests that came whole: `METHOD path content`. */
  readonly requests: readonly string[];
  /** Every connection that was ever opened. */
  readonly connections: number;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** `/host` answers the Host field, `/hops` Max-Forwards, `/fields` the names of all fields; anything else, 200. */
export async function startOrigin(): Promise<Origin> {
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const content = Buffer.concat(parts).toString('latin1');
      requests.push(`${request.method} ${request.url} ${content}`.trim());
      const body = about(request);
      response.writeHead(200, ['Content-Length', String(Buffer.byteLength(body))]);
      response.end(body);
    });
  });
  server.keepAliveTimeout = 30_000;
  return opened(server, requests);
}

/** Answers the head of every connection's first request with `reply`; `{end}` at its end closes after it. */
export async function startRawOrigin(reply: string): Promise<Origin> {
  const requests: string[] = [];
  const bytes = Buffer.from(reply.replace(/\{end\}$/, ''), 'latin1');
  const server = net.createServer((socket) => {
    let got = '';
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('data', (part) => {
      got += part.toString('latin1');
      if (!got.includes('\r\n\r\n')) return;
      const [method = '', path = ''] = got.split(' ');
      requests.push(`${method} ${path}`);
      got = '';
      if (reply.endsWith('{end}')) socket.end(bytes);
      else socket.write(bytes);
    });
  });
  return opened(server, requests);
}

async function opened(server: net.Server, requests: string[]): Promise<Origin> {
  let connections = 0;
  const open = new Set<net.Socket>();
  server.on('connection', (socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => {
      open.delete(socket);
      server.emit('left');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  return {
    port: at.port,
    authority: `127.0.0.1:${at.port}`,
    requests,
    get connections() {
      return connections;
    },
    async idle() {
      while (open.size > 0) await once(server, 'left');
    },
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}

function about(request: IncomingMessage): string {
  if (request.url === '/host') return `host=${request.headers.host}`;
  if (request.url === '/hops') return `hops=${request.headers['max-forwards']}`;
  if (request.url !== '/fields') return 'ok';
  const names = request.rawHeaders.filter((_, i) => i % 2 === 0);
  return names.map((name) => `${name.toLowerCase()}=`).join(' ');
}
