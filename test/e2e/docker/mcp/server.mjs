// A real MCP server: streamable HTTP with sessions, and events that a client can go on with after it was cut off.
//   tool `ticks` { count, everyMs }: a progress notification each time, and its count in the end
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

const sessions = new Map();

function newServer() {
  const server = new McpServer({ name: 'ticker', version: '1.0.0' });
  const inputSchema = { count: z.number(), everyMs: z.number() };
  server.registerTool('ticks', { description: 'counts', inputSchema }, async ({ count, everyMs }, extra) => {
    for (let i = 1; i <= count; i++) {
      await new Promise((resolve) => setTimeout(resolve, everyMs));
      const progressToken = extra._meta?.progressToken;
      if (progressToken === undefined) continue;
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress: i, total: count },
      });
    }
    return { content: [{ type: 'text', text: String(count) }] };
  });
  return server;
}

async function open() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new InMemoryEventStore(),
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await newServer().connect(transport);
  return transport;
}

createServer(async (request, response) => {
  if (request.url !== '/mcp') return response.end('ticker\n');
  let body;
  if (request.method === 'POST') {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    body = JSON.parse(Buffer.concat(pieces));
  }
  const known = sessions.get(request.headers['mcp-session-id']);
  const transport = known ?? (isInitializeRequest(body) ? await open() : null);
  if (transport !== null) return transport.handleRequest(request, response, body);
  response.statusCode = 404;
  response.end();
}).listen(8000);
process.on('SIGTERM', () => process.exit(0));
