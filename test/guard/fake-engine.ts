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

const CONTAINER = /^\/containers\/([^/]+)(?:\/(\w+))?$/;
const UPGRADED =
  'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';
const OWN = ['/_ping', '/events', '/containers/json', '/networks/tools'];

export async function startFakeEngine(path: string): Promise<FakeEngine> {
  const engine = new Engine(path);
  await engine.listen();
  return engine;
}

class Engine implements FakeEngine {
  readonly path: string;
  readonly calls: Recorded[] = [];
  readonly containers = new Map<string, FakeContainer>();
  readonly volumes: FakeEngine['volumes'] = new Map();
  readonly answers: FakeEngine['answers'] = new Map();
  readonly input: string[] = [];
  readonly #events = new Set<ServerResponse>();
  readonly #waits = new Map<string, ServerResponse[]>();
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #count = 0;

  constructor(path: string) {
    this.path = path;
    this.#server.on('upgrade', (request, socket, head) => this.#attach(request, socket as Socket, head));
  }

  async listen(): Promise<void> {
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
  }

  end(id: string): void {
    this.containers.delete(id);
    for (const wait of this.#waits.get(id) ?? []) wait.end('{"StatusCode":0}\n');
    this.#waits.delete(id);
    for (const stream of this.#events)
      stream.write(`${JSON.stringify({ Type: 'container', Action: 'destroy', Actor: { ID: id } })}\n`);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://engine');
    const route = url.pathname.replace(/^\/v1\.\d+/, '');
    const body = await text(request);
    if (!OWN.includes(route))
      this.calls.push({ call: `${request.method} ${request.url}`, headers: request.headers, body });
    const answer = this.answers.get(`${request.method} ${route}`);
    if (answer === 'lost') {
      if (route === '/containers/create') this.#make(url, body);
      request.socket.destroy();
    } else if (answer !== undefined) json(response, answer.status, answer.body);
    else if (route === '/containers/create') json(response, 201, { Id: this.#make(url, body), Warnings: [] });
    else this.#answer(request.method, route, body, response);
  }

  #answer(method: string | undefined, route: string, body: string, response: ServerResponse): ServerResponse {
    if (route === '/_ping') return json(response, 200, 'OK');
    if (route === '/events') return this.#follow(response);
    if (route === '/containers/json') return json(response, 200, [...this.containers.values()].map(listed));
    if (route === '/volumes/create') return json(response, 201, { ...JSON.parse(body), Options: null });
    if (route === '/images/create') return json(response, 200, { status: 'pulled' });
    const [, volume] = /^\/volumes\/(.+)$/.exec(route) ?? [];
    if (volume !== undefined) return this.#showVolume(volume, response);
    const [, id = '', action = ''] = CONTAINER.exec(route) ?? [];
    const container = this.containers.get(id);
    if (container === undefined) return json(response, 404, { message: `nothing at ${route}` });
    if (action === 'wait') {
      begin(response);
      this.#waits.set(id, [...(this.#waits.get(id) ?? []), response]);
      return response;
    }
    if (action === 'start') container.state = 'running';
    if (action === 'kill' || method === 'DELETE') this.end(id);
    return action === 'json' ? json(response, 200, { Id: id }) : json(response, 204, undefined);
  }

  #make(url: URL, body: string): string {
    this.#count += 1;
    const id = `${this.#count.toString(16).padStart(4, '0')}${'ab12'.repeat(15)}`;
    const name = url.searchParams.get('name') ?? '';
    this.containers.set(id, { id, body: JSON.parse(body), name, state: 'created' });
    return id;
  }

  #follow(response: ServerResponse): ServerResponse {
    begin(response);
    this.#events.add(response);
    return response.on('close', () => this.#events.delete(response));
  }

  #showVolume(name: string, response: ServerResponse): ServerResponse {
    const found = this.volumes.get(name);
    if (found === undefined) return json(response, 404, { message: 'no such volume' });
    return json(response, 200, { Name: name, ...found });
  }

  #attach(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#sockets.add(socket);
    this.calls.push({ call: `${request.method} ${request.url}`, headers: request.headers, body: '' });
    const [, id = ''] = /\/containers\/([^/]+)\/attach/.exec(request.url ?? '') ?? [];
    if (!this.containers.has(id)) return void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}');
    socket.write(UPGRADED);
    const take = (chunk: Buffer): void => {
      this.input.push(chunk.toString());
      socket.write(`echo:${chunk}`);
    };
    if (head.length > 0) take(head);
    socket.on('data', take);
    socket.on('error', () => {});
    socket.on('end', () => socket.end('bye'));
  }
}

function json(response: ServerResponse, status: number, body: unknown): ServerResponse {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Api-Version': '1.45',
    Ostype: 'linux',
    Swarm: 'inactive',
  });
  return response.end(body === undefined ? '' : JSON.stringify(body));
}

/** The head now; what comes after it, when something happens. */
function begin(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
}

function listed({ id, name, state, body }: FakeContainer) {
  return { Id: id, Names: [`/${name}`], State: state, Labels: body.Labels };
}
