/** `origin.test` as the tools expect it: repositories as files, a bucket, two model APIs and an MCP server. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { join, normalize } from 'node:path';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Authority } from './authority.js';
import { listenOn } from './origins.js';

export interface StandIn {
  /** `:port`, to be put after `origin.test` or a name below it. */
  readonly http: string;
  readonly https: string;
  close(): Promise<void>;
}

/** `files`: what every other path is looked up in. */
export async function startStandIn(authority: Authority, files: string): Promise<StandIn> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response, files).catch(() => response.writeHead(404).end());
  };
  const servers = [
    http.createServer(answer),
    https.createServer({ key: authority.key, cert: authority.certificate }, answer),
  ];
  // As Python's and many others do: nothing is said to an expectation. (botocore itself fails so over TLS 1.3.)
  servers[0]?.on('checkContinue', answer);
  const [plain, secure] = await Promise.all(servers.map(listenOn));
  return {
    http: `:${plain}`,
    https: `:${secure}`,
    async close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      await Promise.all(servers.map((server) => once(server, 'close')));
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, files: string): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const content = request.method === 'GET' || request.method === 'HEAD' ? '' : await contentOf(request);
  if (path === '/mcp') return serveMcp(request, response, content);
  if (path === '/v1/chat/completions') return void response.end(completion(response, JSON.parse(content)));
  if (path === '/v1/messages') return void response.end(message(response, JSON.parse(content)));
  if (path === '/bucket/greeting') return void response.end('hello');
  if (path.startsWith('/bucket/')) return void response.writeHead(200, { ETag: '"a"' }).end();
  if (path.endsWith('.mp4')) response.setHeader('Content-Type', 'video/mp4');
  if (path.startsWith('/simple/')) response.setHeader('Content-Type', 'text/html');
  const file = await readFile(join(files, normalize(path.endsWith('/') ? `${path}index.html` : path)));
  response.setHeader('Content-Length', file.length);
  response.end(file);
}

async function contentOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function completion(response: ServerResponse, { stream }: { readonly stream?: boolean }): string {
  if (stream !== true)
    return json(response, { choices: [{ index: 0, message: { role: 'assistant', content: 'hello' } }] });
  response.setHeader('Content-Type', 'text/event-stream');
  const piece = JSON.stringify({ choices: [{ index: 0, delta: { content: 'hello again' } }] });
  return `data: ${piece}\n\ndata: [DONE]\n\n`;
}

function message(response: ServerResponse, { stream }: { readonly stream?: boolean }): string {
  const start = { id: 'a', type: 'message', role: 'assistant', model: 'a', stop_reason: null, stop_sequence: null };
  const usage = { input_tokens: 1, output_tokens: 1 };
  if (stream !== true) return json(response, { ...start, usage, content: [{ type: 'text', text: 'hello' }] });
  response.setHeader('Content-Type', 'text/event-stream');
  const events = [
    { type: 'message_start', message: { ...start, usage, content: [] } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hello again' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ];
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
}

function json(response: ServerResponse, value: object): string {
  response.setHeader('Content-Type', 'application/json');
  return JSON.stringify(value);
}

/** Without sessions: one server for each request. */
async function serveMcp(request: IncomingMessage, response: ServerResponse, content: string): Promise<void> {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' });
  server.registerTool('greet', { description: 'greets' }, () => ({ content: [{ type: 'text', text: 'hello' }] }));
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: false });
  await server.connect(transport as Parameters<typeof server.connect>[0]);
  await transport.handleRequest(request, response, content === '' ? undefined : JSON.parse(content));
}
