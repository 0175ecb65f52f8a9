/** A bare absolute-form forwarder with node:http on both sides, no policy, no log. */
import { Agent, createServer, request as send } from 'node:http';
import { pipeline } from 'node:stream';

const agent = new Agent({ keepAlive: true });
const server = createServer((request, response) => {
  const { method, headers } = request;
  const upstream = send(new URL(request.url ?? ''), { method, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    pipeline(answer, response, () => undefined);
  });
  upstream.on('error', () => response.destroy());
  pipeline(request, upstream, () => undefined);
});
server.listen(Number(process.argv[2]), '127.0.0.1');
