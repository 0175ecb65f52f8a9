/** Run inside a namespace: a public host with HTTP on port 80 and an echo on port 443; prints `ready`. */
import { createServer as createHttp } from 'node:http';
import { createServer } from 'node:net';

const http = createHttp((request, response) => {
  request.resume();
  response.end(`origin ${request.headers.host}`);
});
const echo = createServer((client) => client.on('error', () => client.destroy()).pipe(client));
http.listen(80, '::', () => echo.listen(443, '::', () => process.stdout.write('ready\n')));
