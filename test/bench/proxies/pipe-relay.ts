/** A bare CONNECT relay as most Node proxies have it: node:http and two pipes, no policy, no log; one address is refused. */
import { createServer } from 'node:http';
import { connect } from 'node:net';

const server = createServer();
server.on('connect', (request, client, head) => {
  const colon = (request.url ?? '').lastIndexOf(':');
  const [host, port] = [request.url?.slice(0, colon), Number(request.url?.slice(colon + 1))];
  if (host === process.argv[3]) {
    client.on('error', () => client.destroy());
    client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  const upstream = connect({ host, port, noDelay: true, allowHalfOpen: true });
  const cut = (): void => {
    client.destroy();
    upstream.destroy();
  };
  for (const end of [client, upstream]) end.on('error', cut).on('close', cut);
  upstream.once('connect', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) upstream.write(head);
    client.pipe(upstream);
    upstream.pipe(client);
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
