/** A proxy with an origin that its policy opens, and requests in absolute-form between them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { table } from './fake-dns.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

export interface Stand {
  readonly proxy: RunningProxy;
  readonly port: number;
  readonly origin: http.Server;
}

/** A proxy, and an origin at `origin.test` and 127.0.0.1 that an exception opens. */
export async function stand(t: TestContext, handler: http.RequestListener): Promise<Stand> {
  const origin = http.createServer(handler);
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const port = portOf(origin);
  const internal = [{ address: '127.0.0.1/32', ports: [port] }];
  const proxy = await startProxy({
    config: { policy: { default: 'public', internal } },
    dns: table({ 'origin.test': ['127.0.0.1'] }),
  });
  t.after(async () => {
    origin.closeAllConnections();
    origin.close();
    await proxy.stop();
    assert.deepEqual(proxy.defects, []);
  });
  return { proxy, port, origin };
}

export function portOf(server: net.Server): number {
  const bound = server.address();
  assert.ok(bound !== null && typeof bound === 'object');
  return bound.port;
}

export interface Asked {
  readonly path: string;
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders | readonly string[];
  readonly agent?: http.Agent;
}

export function ask({ proxy, port }: Stand, { path, method = 'GET', headers = {}, agent }: Asked): http.ClientRequest {
  return http.request({
    host: '127.0.0.1',
    port: proxy.port,
    method,
    path: path.startsWith('http') ? path : `http://origin.test:${port}${path}`,
    headers: Array.isArray(headers) ? ['Host', 'origin.test', ...headers] : { ...headers },
    ...(agent === undefined ? {} : { agent }),
  });
}

export async function answered(request: http.ClientRequest): Promise<http.IncomingMessage & { content: string }> {
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return Object.assign(response, { content: await text(response) });
}
