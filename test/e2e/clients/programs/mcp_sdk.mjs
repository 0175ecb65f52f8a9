// A server named by its address, or the command that leads to one.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [first, ...others] = process.argv.slice(2);
const transport = first.startsWith('http')
  ? new StreamableHTTPClientTransport(new URL(first))
  : new StdioClientTransport({ command: first, args: others, env: process.env });
const client = new Client({ name: 'a client', version: '1.0.0' });
await client.connect(transport);
const { content } = await client.callTool({ name: 'greet', arguments: {} });
console.log(content[0].text);
await client.close();
