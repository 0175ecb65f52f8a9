// Stands in for a public web site, over HTTP and HTTPS.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

const answer = (scheme) => (request, response) => {
  if (request.url === '/events') return events(response);
  response.setHeader('content-type', 'text/plain');
  response.end(`public site, over ${scheme}, asked for ${request.headers.host}\n`);
};

function events(response) {
  response.setHeader('content-type', 'text/event-stream');
  let sent = 0;
  const timer = setInterval(() => {
    response.write(`data: ${++sent}\n\n`);
    if (sent === 10) response.end();
    if (sent === 10) clearInterval(timer);
  }, 500);
  response.on('close', () => clearInterval(timer));
}

createServer(answer('http')).listen(80);
createTlsServer({ key: readFileSync('site.key'), cert: readFileSync('site.pem') }, answer('https')).listen(443);
process.on('SIGTERM', () => process.exit(0));
