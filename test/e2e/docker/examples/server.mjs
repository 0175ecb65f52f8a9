// Stands in for an MCP server that knows nothing of proxies: GET /?url=URL fetches the URL and says what came of it.
import { createServer } from 'node:http';

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://server').searchParams.get('url');
  response.setHeader('content-type', 'application/json');
  if (url === null) return response.end('{}');
  try {
    const fetched = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    response.end(JSON.stringify({ status: fetched.status, body: await fetched.text() }));
  } catch (error) {
    response.end(JSON.stringify({ error: error.cause?.code ?? error.message }));
  }
}).listen(Number(process.env.PORT ?? 8000));
process.on('SIGTERM', () => process.exit(0));
