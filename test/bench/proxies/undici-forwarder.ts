/** A bare absolute-form forwarder with undici towards the origin, no policy, no log. */
import { createServer } from 'node:http';
import { Agent } from 'undici';

const agent = new Agent();
const server = createServer((request, response) => {
  const { origin, pathname, search } = new URL(request.url ?? '');
  const hasContent = request.headers['content-length'] !== undefined || 'transfer-encoding' in request.headers;
  agent.dispatch(
    {
      origin,
      path: pathname + search,
      method: request.method ?? 'GET',
      headers: request.headers,
      body: hasContent ? request : null,
    },
    {
      onRequestStart: () => undefined,
      onResponseStart(_controller, status, _headers, _message) {
        response.writeHead(status, _headers);
      },
      onResponseData(controller, piece) {
        if (response.write(piece)) return;
        controller.pause();
        response.once('drain', () => controller.resume());
      },
      onResponseEnd: () => void response.end(),
      onResponseError: () => void response.destroy(),
    },
  );
});
server.listen(Number(process.argv[2]), '127.0.0.1');
