/** A proxy and an origin whose every byte is the test's, for what the two sides do independently of each other. */
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type Conversation, listenTo } from './conversation.js';
import { LOOPBACK_OPEN, type RawOrigin, startRawOrigin } from './raw-origin.js';
import { type ProxyOptions, type RunningProxy, startProxy } from './start-proxy.js';

export interface OriginStand {
  readonly proxy: RunningProxy;
  readonly origin: RawOrigin;
  /** Everything that came on each connection to the origin, in order. */
  readonly got: readonly string[];
  client(): Promise<Conversation & { readonly socket: Socket }>;
  /** A request in absolute-form to the origin: `lines` each with its CRLF. */
  request(method: string, path: string, lines?: string): string;
}

/** `answer` sees all that has come on its connection so far, and the number of the connection. */
export async function originStand(
  t: TestContext,
  answer: (socket: Socket, all: string, connection: number) => void,
  config: ProxyOptions['config'] = {},
): Promise<OriginStand> {
  const sockets: Socket[] = [];
  const got: string[] = [];
  const origin = await startRawOrigin((socket, text) => {
    if (!sockets.includes(socket)) sockets.push(socket);
    const at = sockets.indexOf(socket);
    got[at] = (got[at] ?? '') + text;
    answer(socket, got[at] ?? '', at);
  });
  const proxy = await startProxy({ config: { ...LOOPBACK_OPEN, ...config } });
  const clients: Socket[] = [];
  t.after(async () => {
    for (const client of clients) client.destroy();
    await origin.close();
    await proxy.stop();
    if (proxy.defects.length > 0) throw proxy.defects[0];
  });
  return {
    proxy,
    origin,
    got,
    async client() {
      const socket = await proxy.connect();
      clients.push(socket);
      return Object.assign(listenTo(socket), { socket });
    },
    request: (method, path, lines = '') =>
      `${method} http://${origin.authority}${path} HTTP/1.1\r\nHost: ${origin.authority}\r\n${lines}\r\n`,
  };
}
