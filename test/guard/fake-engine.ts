/** An engine on a Unix socket that records what it is asked, and starts nothing. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Recorded {
  readonly call: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface FakeContainer {
  readonly id: string;
  readonly body: Record<string, unknown>;
  readonly name: string;
  state: 'created' | 'running';
}

export interface FakeEngine {
  readonly path: string;
  /** All but what the guard asks for itself: ping, list, events. */
  readonly calls: Recorded[];
  readonly containers: Map<string, FakeContainer>;
  /** Volumes that are there, by name: their driver's options. */
  readonly volumes: Map<string, { Driver: string; Options: Record<string, string> | null }>;
  /** What clients have sent on attached streams. */
  readonly input: string[];
  /** In place of the usual answer: by `METHOD /path` without version and query. `lost`: it does what it is asked and says nothing. */
  readonly answers: Map<string, { status: number; body: unknown } | 'lost'>;
  /** Ends a container, as its process would. */
  end(id: string): void;
  close(): Promise<void>;
}

export async function startFakeEngine(path: string): Promise<FakeEngine> {
  const calls: Recorded[] = [];
  const containers = new Map<string, FakeContainer>();
  const volumes: FakeEngine['volumes'] = new Map();
  const answers: FakeEngine['answers'] = new Map();
  const input: string[] = [];
  const events = new Set<ServerResponse>();
  const waits = new Map<string, ServerResponse[]>();
  const sockets = new Set<Socket>();
  let count = 0;

  const end = (id: string): void => {
    containers.delete(id);
    for (const wait of waits.get(id) ?? []) wait.end('{"StatusCode":0}\n');
    waits.delete(id);
    for (const stream of events)
      stream.write(`${JSON.stringify({ Type: 'container', Action: 'destroy', Actor: { ID: id } })}\n`);
  };
  const json = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Api-Version': '1.45',
      Ostype: 'linux',
      Swarm: 'inactive',
    });
    response.end(body === undefined ? '' : JSON.stringify(body));
  };
  const made = (url: URL, body: string): string => {
    count += 1;
    const id = `${count.toString(16).padStart(4, '0')}${'ab12'.repeat(15)}`;
    containers.set(id, { id, body: JSON.parse(body), name: url.searchParams.get('name') ?? '', state: 'created' });
    return id;
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://engine');
    const route = url.pathname.replace(/^\/v1\.\d+/, '');
    const body = await text(request);
    const own = ['/_ping', '/events', '/containers/json', '/networks/tools'].includes(route);
    if (!own) calls.push({ call: `${request.method} ${request.url}`, headers: request.headers, body });
    const answer = answers.get(`${request.method} ${route}`);
    if (answer === 'lost') {
      if (route === '/containers/create') made(url, body);
      return void request.socket.destroy();
    }
    if (answer !== undefined) return json(response, answer.status, answer.body);
    if (route === '/_ping') return json(response, 200, 'OK');
    if (route === '/events') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
      events.add(response);
      response.on('close', () => events.delete(response));
      return;
    }
    if (route === '/containers/json') return json(response, 200, [...containers.values()].map(listed));
    if (route === '/containers/create') return json(response, 201, { Id: made(url, body), Warnings: [] });
    if (route === '/volumes/create') return json(response, 201, { ...JSON.parse(body), Options: null });
    if (route === '/images/create') return json(response, 200, { status: 'pulled' });
    const [, volume] = /^\/volumes\/(.+)$/.exec(route) ?? [];
    if (volume !== undefined) {
      const found = volumes.get(volume);
      return found === undefined
        ? json(response, 404, { message: 'no such volume' })
        : json(response, 200, { Name: volume, ...found });
    }
    const [, id = '', action = ''] = /^\/containers\/([^/]+)(?:\/(\w+))?$/.exec(route) ?? [];
    const container = containers.get(id);
    if (container === undefined) return json(response, 404, { message: `nothing at ${route}` });
    if (action === 'wait') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
      waits.set(id, [...(waits.get(id) ?? []), response]);
      return;
    }
    if (action === 'start') container.state = 'running';
    if (action === 'kill' || request.method === 'DELETE') end(id);
    return action === 'json' ? json(response, 200, { Id: id }) : json(response, 204, undefined);
  };
  const server = createServer((request, response) => void serve(request, response));
  server.on('upgrade', (request, socket, head) => {
    sockets.add(socket as Socket);
    calls.push({ call: `${request.method} ${request.url}`, headers: request.headers, body: '' });
    const [, id = ''] = /\/containers\/([^/]+)\/attach/.exec(request.url ?? '') ?? [];
    if (!containers.has(id)) return void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}');
    socket.write(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    const take = (chunk: Buffer): void => {
      input.push(chunk.toString());
      socket.write(`echo:${chunk}`);
    };
    if (head.length > 0) take(head);
    socket.on('data', take);
    socket.on('error', () => {});
    socket.on('end', () => socket.end('bye'));
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    path,
    calls,
    containers,
    volumes,
    input,
    answers,
    end,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function listed({ id, name, state, body }: FakeContainer) {
  return { Id: id, Names: [`/${name}`], State: state, Labels: body.Labels };
}
