/** `origin.test`, plain and with TLS: a greeting, a git repository, and a WebSocket that answers. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { join, normalize } from 'node:path';
import { WebSocketServer } from 'ws';
import type { Authority } from './authority.js';

export interface Origins {
  readonly http: string;
  readonly https: string;
  close(): Promise<void>;
}

/** `files`: served below `/repository/`, as the dumb protocol of git asks for. */
export async function startOrigins(authority: Authority, files: string): Promise<Origins> {
  const plain = http.createServer(answer('http', files));
  const secure = https.createServer({ key: authority.key, cert: authority.certificate }, answer('https', files));
  const ports = await Promise.all([plain, secure].map(listenOn));
  const sockets = [plain, secure].map((server) => new WebSocketServer({ server }));
  for (const server of sockets) server.on('connection', (socket) => socket.on('message', () => socket.send('hello')));
  return {
    http: `http://origin.test:${ports[0]}`,
    https: `https://origin.test:${ports[1]}`,
    async close() {
      for (const server of sockets) server.close();
      for (const server of [plain, secure]) {
        server.close();
        server.closeAllConnections();
      }
      await Promise.all([plain, secure].map((server) => once(server, 'close')));
    },
  };
}

/** On a free port of loopback; answers with the port. */
export async function listenOn(server: http.Server | https.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  return at.port;
}

function answer(scheme: string, files: string) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (!path.startsWith('/repository/')) {
      response.end(`hello over ${scheme}`);
      return;
    }
    try {
      response.end(await readFile(join(files, normalize(path.slice('/repository/'.length)))));
    } catch {
      response.writeHead(404).end();
    }
  };
}
