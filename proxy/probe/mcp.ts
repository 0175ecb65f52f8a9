/** One harmless MCP request, to see whether a gateway serves whoever comes. */
import type { Observation } from './try.js';

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** `host` is a host and port. */
export function mcpRequest(host: string): string {
  return [
    'POST /mcp HTTP/1.1',
    `Host: ${host}`,
    'Accept: application/json, text/event-stream',
    'Content-Type: application/json',
    `Content-Length: ${PING.length}`,
    'Connection: close',
    '',
    PING,
  ].join('\r\n');
}

/** Any status but 401 and 403 comes from a gateway that does not ask who is calling. */
export function readMcpAnswer(head: string): Observation {
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) return { sight: 'denied', detail: 'closed without an answer' };
  if (status === 401 || status === 403) return { sight: 'denied', detail: `${status}, it asks for a token` };
  return { sight: 'answered', detail: `${status}` };
}
