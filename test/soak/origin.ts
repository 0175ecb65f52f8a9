/** The origin of the soak, in a process of its own: it tells its port to its parent, and ends with it. */
import http from 'node:http';

const server = http.createServer({ keepAliveTimeout: 2000, requestTimeout: 0, headersTimeout: 0 }, (_, response) => {
  response.end('ok');
});
server.on('clientError', (_, socket) => socket.destroy());
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => process.send?.(server.address()));
process.on('disconnect', () => process.exit(0));
